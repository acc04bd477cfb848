"""The options that every command takes, and the one place where they are read."""

import click

from keyferry.cli.language import OPTION
from keyferry.cli.settings import Settings


def shared_options() -> list[click.Option]:
    """The options that every command takes, before its name or after it."""
    return [
        click.Option(["--state-dir"], envvar="KEYFERRY_STATE_DIR", help="Where licenses lie."),
        click.Option(["--keys"], envvar="KEYFERRY_KEYS", help="The vendor's keys.json."),
        click.Option(["--product"], envvar="KEYFERRY_PRODUCT", help="The product's name."),
        click.Option(["--product-version"], help="The product's version."),
        click.Option(
            ["--pkcs11-module"],
            envvar="KEYFERRY_PKCS11_MODULE",
            help="What reads dongles, where it is not found by itself.",
        ),
        click.Option([OPTION], envvar="KEYFERRY_LANG", help="The language, for example en."),
        click.Option(["--json"], is_flag=True, help="One JSON document on stdout."),
        click.Option(["--non-interactive"], is_flag=True, help="Never ask."),
    ]


def take_shared(context: click.Context) -> None:
    """Move the shared options from a command's own into the settings; the later place wins."""
    settings = context.ensure_object(Settings)
    for option in shared_options():
        assert option.name is not None
        value = context.params.pop(option.name, None)
        typed = context.get_parameter_source(option.name) == click.core.ParameterSource.COMMANDLINE
        if value and (typed or not settings.options.get(option.name)):
            settings.options[option.name] = value


class KeyferryCommand(click.Command):
    """A command with the options that all share; its errors are told in one place, `main`."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        return [*super().get_params(ctx), *shared_options()]

    def invoke(self, ctx: click.Context) -> object:
        take_shared(ctx)
        return super().invoke(ctx)


class KeyferryGroup(KeyferryCommand, click.Group):
    """A group of commands; the shared options may stand before a command's name, too."""
