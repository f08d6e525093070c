"""Design's settings: nothing beyond what every service has."""

from messaging import ServiceSettings


class Settings(ServiceSettings):
    """Addresses and limits of the shared libraries."""
