"""`python -m feedback` runs the service."""

from feedback.main import build_app
from feedback.settings import Settings
from messaging import run

run(build_app(Settings()))
