"""The local stack and the throughline command."""
