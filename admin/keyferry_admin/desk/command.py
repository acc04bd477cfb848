"""`keyferry-admin desk`: licenses, history, and explanations in this computer's browser."""

import sys
import threading
from contextlib import suppress

import click

from keyferry_admin.cli import cli
from keyferry_admin.cli.admin_command import AdminCommand, Settings


@cli.command(cls=AdminCommand)
@click.option("--no-browser", is_flag=True, help="Only print the link.")
@click.pass_obj
def desk(settings: Settings, no_browser: bool) -> None:
    """Open licenses, their history, and explanations in your browser. Example: keyferry-admin desk

    The pages are on 127.0.0.1, for your browser alone, and use your AWS credentials. The desk ends
    with Close, with Ctrl-C, a minute after its last tab was closed, or after a day.
    """
    from keyferry_admin.desk.browser import find_browser
    from keyferry_admin.desk.site import DeskSite
    from keyferry_admin.desk.window import Window

    window = Window(DeskSite(settings.stack))
    browser = None if no_browser else find_browser()
    opens = "Open this link in a browser on this computer:"
    if browser is not None:
        opens = "The desk opens in your browser. If it does not, open this link:"
    settings.output.result(
        [opens, window.start_link],
        {"link": window.start_link},
    )
    sys.stdout.flush()
    if browser is not None:
        # Some browsers' commands return only when the browser is closed.
        threading.Thread(target=browser.open, args=(window.start_link,), daemon=True).start()
    with suppress(KeyboardInterrupt):
        window.serve()
