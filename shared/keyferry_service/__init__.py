"""The vendor's side: rules (`domain`), what the service does (`use_cases`), AWS and text."""
