"""The whole journey by a recorded machine: `make demo`, and the client that `make run` offers."""
