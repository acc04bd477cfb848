"""The desk, and the wizard's window open in Chromium."""

from tests.wizard.desk import desk

__all__ = ["desk"]
