"""Plays an example engagement through the public interfaces and says what came of it."""
