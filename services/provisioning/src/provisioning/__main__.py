"""`python -m provisioning`."""

from messaging import run
from provisioning.main import build_app
from provisioning.settings import Settings

run(build_app(Settings()))
