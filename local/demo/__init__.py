"""The whole journey on a recorded machine: `make demo`, and the client for `make run`."""
