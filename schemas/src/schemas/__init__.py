"""The language: envelope, events and commands."""
