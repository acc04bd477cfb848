"""Runs the whole stack on this computer: embedded cloud, real template, one port for a browser."""
