"""Tells PyInstaller what an application with this library needs besides its modules.

PyInstaller finds this folder by itself: https://pyinstaller.org/en/stable/hooks.html
"""


def hook_dirs() -> list[str]:
    """The folders of hooks."""
    return list(__path__)
