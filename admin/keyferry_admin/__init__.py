"""The vendor's tools for the licenses, seats, and signing keys of one deployed stack."""

from keyferry_protocol import __version__ as __version__
