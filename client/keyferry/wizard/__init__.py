"""`keyferry wizard`: License Configuration, as screens in a window or prompts in a terminal."""
