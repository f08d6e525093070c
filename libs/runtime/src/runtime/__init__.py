"""The local stack and the throughline command."""

VERSION = "0.1.0"
