"""Finds the browser on whose screen a window can open."""

import os
import sys
import webbrowser


def find_browser() -> webbrowser.BaseBrowser | None:
    """The desktop's browser; None without a desktop, where only text browsers can run."""
    if _is_remote():
        return None
    has_display = sys.platform in ("win32", "darwin") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    try:
        return webbrowser.get() if has_display else None
    except webbrowser.Error:
        return None


def _is_remote() -> bool:
    """Whether a browser would open on a screen that the user cannot see."""
    return os.environ.get("TERM") == "dumb" or any(
        name in os.environ for name in ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY")
    )
