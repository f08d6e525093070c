"""`python -m gateway`."""

from gateway.main import build_app
from gateway.settings import Settings
from messaging import run

run(build_app(Settings()))
