"""The style and the script of the wizard's window."""

from PyInstaller.utils.hooks import collect_data_files  # type: ignore[import-untyped]

datas = collect_data_files("keyferry.wizard")
