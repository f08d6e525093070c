"""Form the team, hold the kickoff, build the target environment."""
