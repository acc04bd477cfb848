"""`keyferry wizard`: License Configuration, step by step."""

import threading

import click

from keyferry.cli.command import KeyferryCommand
from keyferry.cli.settings import Settings
from keyferry.wizard.browser import find_browser
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
    browser = None if text else find_browser()
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
