"""The algorithms of the field: rule evaluation, error budgets, probe tallies. Pure."""
