"""The whole stack on this computer: the embedded cloud, the real template, and one port for a browser."""
