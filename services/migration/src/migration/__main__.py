"""`python -m migration`."""

from messaging import run
from migration.main import build_app
from migration.settings import Settings

run(build_app(Settings()))
