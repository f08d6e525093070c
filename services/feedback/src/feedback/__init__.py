"""Tickets, satisfaction, outcomes, improvements."""
