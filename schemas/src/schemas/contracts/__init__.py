"""The written contract of every message: its JSON Schema, its golden examples, what may change in them."""
