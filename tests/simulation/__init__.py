"""A deterministic simulation of the backbone: the real classes on a simulated log, store, clock and loop."""
