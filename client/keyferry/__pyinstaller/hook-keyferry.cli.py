"""The commands, each of which is imported when it runs."""

from PyInstaller.utils.hooks import collect_submodules  # type: ignore[import-untyped]

hiddenimports = collect_submodules("keyferry.cli")
