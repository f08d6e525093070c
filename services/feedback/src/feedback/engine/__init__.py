"""The algorithms of the field: satisfaction figures, outcome tests, mail and link recognition. Pure."""
