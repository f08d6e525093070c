"""`python -m monitoring` runs the service."""

from messaging import run
from monitoring.main import build_app
from monitoring.settings import Settings

run(build_app(Settings()))
