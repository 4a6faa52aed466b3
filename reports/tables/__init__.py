"""The report's tables, before they are HTML, PDF, Markdown, LaTeX or CSV.

A cell is plain text, escaped by whoever writes it. To add a table, add a function here and its place in
`reports/content.py`; ids are file names and anchors that others may link to, and stay.
"""
