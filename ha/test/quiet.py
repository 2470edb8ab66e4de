"""What seeded histories leave behind is heard by nobody: log lines, the ends of killed nodes; and where their files are."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import apsw
from twisted.logger import globalLogPublisher


@contextmanager
def logged_failures() -> Iterator[list[str]]:
    """What the parts log as failures of their own: none is expected."""
    failures: list[str] = []

    def observe(event: Any) -> None:
        if event.get("log_failure") is not None:
            failures.append(event["log_failure"].getTraceback())

    globalLogPublisher.addObserver(observe)
    try:
        yield failures
    finally:
        globalLogPublisher.removeObserver(observe)


@contextmanager
def quiet_ends() -> Iterator[None]:
    """What waited in a killed node ends when its memory is freed, and finds its file closed: nobody needs to hear."""
    known = sys.unraisablehook
    gc.disable()  # else the ends of one history come in the middle of another, when it pleases the collector
    gc.freeze()  # and what was there before stays: the suite holds millions of objects, which need no look after every history

    def hook(event: Any) -> None:
        if not isinstance(event.exc_value, apsw.ConnectionClosedError | AssertionError):
            known(event)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        gc.enable()
        gc.collect()
        sys.unraisablehook = known


def shared_memory() -> str | None:
    """A folder that no disk is behind, if there is one."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
