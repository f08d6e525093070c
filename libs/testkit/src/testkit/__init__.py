"""Builders, journeys and behaviour suites (development only)."""
