"""`keyferry wizard`: License Configuration, step by step."""

import os
import sys
import threading
import webbrowser

import click

from keyferry.cli.command import KeyferryCommand
from keyferry.cli.settings import Settings
from keyferry.wizard.session import Session
from keyferry_protocol.messages import message, use_own_sentences


@click.command("wizard", cls=KeyferryCommand)
@click.option("--text", is_flag=True)
@click.pass_obj
def command(settings: Settings, text: bool) -> None:
    """Install, update, move, or release licenses step by step, in a window or here."""
    if settings.terminal.as_json or not settings.is_interactive:
        raise click.UsageError(message("terminal.usage.wizard"), click.get_current_context())
    settings.options["non_interactive"] = True  # the wizard asks on its own screens
    session = Session(
        settings.installation(), settings.vendor, settings.product_version, settings.pkcs11_module
    )
    session.check()
    with use_own_sentences(settings.vendor.own_sentences()):
        _run(session, settings, text)


def _run(session: Session, settings: Settings, text: bool) -> None:
    browser = None if text or _is_remote() else _browser()
    if browser is None:
        from keyferry.wizard.prompt import Prompt

        Prompt(session, settings.terminal).run()
        return
    from keyferry.wizard.site import WizardSite
    from keyferry.wizard.window import Window

    window = Window(WizardSite(session))
    for line in (
        message("wizard.opens"),
        window.start_link,
        message("wizard.ends"),
    ):
        settings.terminal.line(line)
    # Some browsers' commands return only when the browser is closed.
    threading.Thread(target=browser.open, args=(window.start_link,), daemon=True).start()
    try:
        window.serve()
    except KeyboardInterrupt:
        settings.terminal.line("")


def _is_remote() -> bool:
    """Whether a browser would open on a screen that the user cannot see."""
    return os.environ.get("TERM") == "dumb" or any(
        name in os.environ for name in ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY")
    )


def _browser() -> webbrowser.BaseBrowser | None:
    """The desktop's browser; None without a desktop, where only text browsers can run."""
    has_display = sys.platform in ("win32", "darwin") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    try:
        return webbrowser.get() if has_display else None
    except webbrowser.Error:
        return None
