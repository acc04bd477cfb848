"""The desk, and the wizard's window open in Chromium."""

from tests.browser.wizard.desk import desk

__all__ = ["desk"]
