"""What is measured and how: programs at the top, their machinery in packages."""
