"""Profile, move and prove the legacy data."""
