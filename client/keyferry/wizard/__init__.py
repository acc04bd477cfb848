"""`keyferry wizard`: License Configuration as screens, drawn in a window or asked in a terminal."""
