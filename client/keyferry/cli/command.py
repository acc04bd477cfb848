"""The options that every command takes, and the one place that reads them."""

import sys

import click

from keyferry.cli.language import OPTION
from keyferry.cli.settings import Settings
from keyferry.views.columns import window_columns
from keyferry.views.terminal import USAGE_EXIT, encodable
from keyferry_protocol.messages import has_message, message

MAX_COLUMNS, NARROW, MIN_COLUMNS = 80, 60, 30
# Of options that name a file; the variable holds what would be in the file.
VARIABLES = {"activation-code-file": "KEYFERRY_ACTIVATION_CODE"}
_WHOLE = 1000  # letters of a summary, more than any has

Records = list[tuple[str, str]]


def shared_options() -> list[click.Option]:
    """The options that every command takes, before its name or after it."""
    return [
        click.Option(["--state-dir"], envvar="KEYFERRY_STATE_DIR"),
        click.Option(["--keys"], envvar="KEYFERRY_KEYS"),
        click.Option(["--product"], envvar="KEYFERRY_PRODUCT"),
        click.Option(["--product-version"]),
        click.Option(
            ["--pkcs11-module"],
            envvar="KEYFERRY_PKCS11_MODULE",
        ),
        click.Option([OPTION], envvar="KEYFERRY_LANG"),
        click.Option(["--json"], is_flag=True),
        click.Option(["--non-interactive"], is_flag=True),
    ]


def take_shared(context: click.Context) -> None:
    """Move the shared options into the settings. An option after the command's name wins."""
    settings = context.ensure_object(Settings)
    for option in shared_options():
        assert option.name is not None
        value = context.params.pop(option.name, None)
        typed = context.get_parameter_source(option.name) == click.core.ParameterSource.COMMANDLINE
        if value and (typed or not settings.options.get(option.name)):
            settings.options[option.name] = value


def write_section(formatter: click.HelpFormatter, name: str, records: Records) -> None:
    """Write names and their help side by side; in a narrow window, one below the other."""
    first_column = 30 if formatter.width > NARROW else 4
    with formatter.section(message(f"help.section.{name}")):
        formatter.write_dl(records, col_max=first_column)


class KeyferryCommand(click.Command):
    """A command with the shared options; `main` reports its errors."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        params = [*super().get_params(ctx), *shared_options()]
        for option in params:
            if isinstance(option, click.Option):
                option.help = _option_help(ctx, option)
        return params

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the command's own options, then in another section those that are set once."""
        settings = {option.name for option in shared_options()}
        sections: dict[str, Records] = {"options": [], "settings": []}
        for option in self.get_params(ctx):
            record = option.get_help_record(ctx) if isinstance(option, click.Option) else None
            if record is not None:
                sections["settings" if option.name in settings else "options"].append(record)
        for name, records in sections.items():
            write_section(formatter, name, records)

    def get_help(self, ctx: click.Context) -> str:
        columns = min(window_columns() or MAX_COLUMNS, MAX_COLUMNS)
        ctx.terminal_width = max(columns, MIN_COLUMNS) - 2  # click's own minimum is 50
        return encodable(super().get_help(ctx), sys.stdout)

    def invoke(self, ctx: click.Context) -> object:
        take_shared(ctx)
        return super().invoke(ctx)


class KeyferryGroup(KeyferryCommand, click.Group):
    """A group of commands; the shared options may also come before a command's name."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args:  # click's own way to show the help here differs between its versions
            terminal = ctx.ensure_object(Settings).terminal
            terminal.lines(ctx.get_help())
            for line in self.after_help(ctx):
                terminal.line(line)
            ctx.exit(USAGE_EXIT)
        return super().parse_args(ctx, args)

    def after_help(self, ctx: click.Context) -> list[str]:
        """What to print below the help of a group that was run without a command."""
        return []

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_options(ctx, formatter)
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands, each with its whole first sentence, which click would cut."""
        records = []
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None:
                records.append((name, command.get_short_help_str(limit=_WHOLE)))
        write_section(formatter, "commands", records)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        command = self.find_command(cmd_name)
        if command is not None:
            command.help = message(f"help.{self.path}.{cmd_name}")
        return command

    @property
    def path(self) -> str:
        """The catalog's name for the help of the group's commands, such as `keyferry.dongle`."""
        return f"keyferry.{self.name}"

    def find_command(self, name: str) -> click.Command | None:
        """Find a command of this group by its name."""
        return self.commands.get(name)


def _path(ctx: click.Context) -> str:
    """`keyferry.dongle.list` for `keyferry dongle list`."""
    return "keyferry" if ctx.parent is None else f"{_path(ctx.parent)}.{ctx.info_name}"


def _option_help(ctx: click.Context, option: click.Option) -> str | None:
    """The help of an option, for this command or for all; None if its name explains it."""
    name = max(option.opts, key=len).lstrip("-")
    names = (f"help.{_path(ctx)}.{name}", f"help.option.{name}")
    text = next((message(name) for name in names if has_message(name)), None)
    variable = option.envvar or VARIABLES.get(name)
    if text is None or variable is None:
        return text
    return message("help.or-variable", help=text, variable=variable)
