"""The report's tables, before they are HTML, PDF, Markdown, LaTeX or CSV."""
