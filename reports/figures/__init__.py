"""The report's figures, as drawings and as files."""
