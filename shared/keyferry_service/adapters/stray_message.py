"""The error for a queue message that does not concern this service."""


class StrayMessage(Exception):
    """A message that nothing of ours caused. The worker logs it and drops it."""
