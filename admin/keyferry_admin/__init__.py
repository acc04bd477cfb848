"""The vendor's desk: licenses, seats and signing keys of one deployed stack."""

__version__ = "1.0.0"
