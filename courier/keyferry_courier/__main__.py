"""`python -m keyferry_courier`."""

from keyferry_courier.cli import run

run()
