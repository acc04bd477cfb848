"""A group of commands whose modules are imported when they are needed."""

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

import click


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is called, or all are listed.

    `modules` says which module adds which command to the group, seen from this folder: `stats`
    is a file in it, and `.desk.command` one in the folder beside it. As in
    https://click.palletsprojects.com/en/stable/complex/#lazily-loading-subcommands
    """

    def __init__(
        self, *args: Any, modules: Mapping[str, str] = MappingProxyType({}), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        for module in self.modules.values():
            _import(module)
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self.modules:
            _import(self.modules[cmd_name])
        elif cmd_name not in self.commands:
            self.list_commands(ctx)  # click suggests the nearest of those that it has
        return super().get_command(ctx, cmd_name)


def _import(module: str) -> None:
    import_module(f".{module}", __package__)
