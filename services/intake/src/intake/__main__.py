"""Runs intake as a process."""

from intake.main import build_app
from intake.settings import Settings
from messaging import run

run(build_app(Settings()))
