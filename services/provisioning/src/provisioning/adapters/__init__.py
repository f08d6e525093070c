"""Technology behind provisioning's ports."""
