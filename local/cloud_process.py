"""Runs ministack in this process, and keeps its state when it stops in order after it was ready.

ministack writes its state when it stops, one service after another. The folder `running` is thrown
away unless all of it was written: a process that is killed leaves the state of the run before.
The parent holds the other end of standard input, so this process ends with it, however it ends.
"""

import os
import shutil
import signal
import sys
import threading
from pathlib import Path

RUNNING, STOPPED, KEPT = "running", "stopped", "kept"  # folders of state
READY = "ready"  # this file in the folder `running` says that its state is whole


def begin(folder: Path) -> Path:
    """The folder for the state of this run: a copy of what the last whole run left."""
    running, stopped, kept = (folder / name for name in (RUNNING, STOPPED, KEPT))
    if stopped.exists():
        keep(folder)
    shutil.rmtree(running, ignore_errors=True)
    if kept.exists():
        shutil.copytree(kept, running)
    running.mkdir(exist_ok=True)
    return running


def keep(folder: Path) -> None:
    """Put the state of a run that stopped in the place of the last one's.

    If this is killed, `begin` does it again.
    """
    running, stopped, kept = (folder / name for name in (RUNNING, STOPPED, KEPT))
    if not stopped.exists():
        running.rename(stopped)
    shutil.rmtree(kept, ignore_errors=True)
    stopped.rename(kept)


def _end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    # Here, because the parent needs only the rest of this module.
    from ministack.app import main as serve  # type: ignore[import-untyped]

    sys.path.append(str(Path(__file__).parents[1]))  # for `local`, which `python -P` leaves out
    from local.aws_answers import answer_as_aws
    from local.quick_reads import read_quickly

    answer_as_aws()
    read_quickly()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    ready = Path(os.environ["STATE_DIR"]).parent / READY
    try:
        serve()
    finally:
        if ready.exists():
            ready.unlink()
            keep(ready.parents[1])


if __name__ == "__main__":
    main()
