"""Published claims against what this suite measures: read, score, judge."""
