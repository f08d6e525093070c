"""Design a solution within budget and have it confirmed."""
