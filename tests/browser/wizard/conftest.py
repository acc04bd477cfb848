"""The desk, and the wizard's window open in Chromium."""

from tests.support.desk import desk

__all__ = ["desk"]
