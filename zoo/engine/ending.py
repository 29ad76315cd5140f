"""Work that others can tell to end, by a signal, and that sees to what it leaves behind."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Ended(SystemExit):
    """This process was told to end; the code is that of a shell, 128 and the signal's number."""


@contextmanager
def told(note: Callable[[str], None]) -> Iterator[None]:
    """Let a signal end this process as an exception does, so that nothing is left behind.

    Args:
        note: Takes a line for the user.

    Raises:
        Ended: SIGTERM or SIGHUP came.
    """

    def end(number: int, frame: object) -> None:
        raise Ended(128 + number)

    if threading.current_thread() is not threading.main_thread():  # No other may.
        yield
        return
    kinds = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    # What is ignored, as under nohup, stays so, and so does what is seen to already.
    kinds = [kind for kind in kinds if signal.getsignal(kind) == signal.SIG_DFL]
    for kind in kinds:
        signal.signal(kind, end)
    try:
        yield
    except Ended as ended:
        if kinds:
            note(f"ended by {signal.Signals(int(ended.code or 0) - 128).name}")
        raise
    finally:
        for kind in kinds:
            signal.signal(kind, signal.SIG_DFL)
