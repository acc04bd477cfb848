"""Licenses for the tests of a vendor's application: throwaway keys, and a computer that has them.

The extra `keyferry[testing]` installs what this needs. It is for tests alone: it cannot be imported
in a frozen application, and its keys are refused as soon as their test has ended.
"""

import sys

from keyferry.throwaway import MissingExtra
from keyferry_protocol.messages import message

if getattr(sys, "frozen", False) or "__compiled__" in globals():
    raise MissingExtra(message("errors.missing-extra.frozen"), case="frozen")
try:
    from keyferry.testing.fixtures import offline_computer, throwaway_keys
except ModuleNotFoundError as error:
    if error.name != "pytest":
        raise
    raise MissingExtra(message("errors.missing-extra.not-installed")) from error
from keyferry.testing.computer import OfflineComputer

__all__ = ["OfflineComputer", "offline_computer", "throwaway_keys"]
