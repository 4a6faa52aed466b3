"""What a report is made from: results files, times that were published with the suite, and what the paper prints.

Read and grouped here once, with provenance: whatever shows or judges takes these records and opens no store.
"""
