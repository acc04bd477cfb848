"""The version of the client, which every request names."""

__version__ = "1.0.0"
