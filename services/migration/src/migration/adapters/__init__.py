"""Technology behind migration's ports."""
