"""The algorithms of intake: scoring and phasing. Pure."""
