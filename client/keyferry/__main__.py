"""`python -m keyferry` is the command `keyferry`."""

from keyferry.commands.cli import run

if __name__ == "__main__":
    run()
