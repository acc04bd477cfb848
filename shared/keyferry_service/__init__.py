"""The vendor's side: the rules (pure) and the adapters, each ending in the service it talks to."""
