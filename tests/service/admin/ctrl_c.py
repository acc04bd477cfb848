"""Ctrl-C while the threads of a run are at work."""

import signal
import threading
import time


class CtrlC:
    """Is pressed in one of the calls that a run's threads make, and overtaken by no other."""

    def __init__(self, at: int = 1) -> None:
        self._at = at
        self._calls = 0
        self._lock = threading.Lock()

    def count(self) -> None:
        """Count a call. The one at which Ctrl-C is pressed, and all later ones, wait for it."""
        with self._lock:
            self._calls += 1
            if self._calls == self._at:
                press_ctrl_c()


def press_ctrl_c() -> None:
    """Press Ctrl-C, and return when the run has noticed it."""
    handler = signal.getsignal(signal.SIGINT)
    assert handler is not signal.default_int_handler, "no run is at work"
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    for _ in range(3_000):
        if signal.getsignal(signal.SIGINT) is not handler:
            return
        time.sleep(0.01)
    raise AssertionError("the run has not noticed Ctrl-C")
