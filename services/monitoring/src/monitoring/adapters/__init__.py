"""What reaches out: one file per technology and port."""
