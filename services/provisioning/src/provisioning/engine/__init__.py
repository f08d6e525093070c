"""Pure algorithms of provisioning: who is on the team, which steps make an environment."""
