"""From the store to tables, figures, HTML and PDF."""
