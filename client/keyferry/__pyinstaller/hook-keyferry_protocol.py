"""The sentences that people read."""

from PyInstaller.utils.hooks import collect_data_files  # type: ignore[import-untyped]

datas = collect_data_files("keyferry_protocol", excludes=["**/py.typed"])
