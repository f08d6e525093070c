"""Understand the client: stakeholders, statements, requirements, priorities, plan."""
