"""Adapters: the technology first in the name."""
