"""The algorithms of design: selection, architecture, schedule, risks. Pure and deterministic."""
