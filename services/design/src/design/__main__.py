"""Runs design as a process."""

from design.main import build_app
from design.settings import Settings
from messaging import run

run(build_app(Settings()))
