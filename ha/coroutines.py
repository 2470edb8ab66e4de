"""Coroutines that nearly always end without waiting."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from types import coroutine
from typing import Any

from twisted.internet.defer import Deferred


def begun(running: Coroutine[Deferred[Any], Any, None]) -> Deferred[None] | None:
    """Run it as far as it goes without waiting.

    Most runs never wait, and a Deferred for each costs more than decoding its message.

    :returns: None when it has come to its end, else what fires then.
    :raises Exception: what it raised.
    """
    try:
        waiting = running.send(None)
    except StopIteration:
        return None
    return Deferred.fromCoroutine(_resumed(running, waiting))


@coroutine
def _resumed(
    running: Coroutine[Deferred[Any], Any, None], waiting: Deferred[Any]
) -> Generator[Deferred[Any], Any, None]:
    """The rest of a coroutine that waits for `waiting`."""
    try:
        while True:
            try:
                result = yield waiting
            except GeneratorExit:
                running.close()
                raise
            except BaseException as error:
                waiting = running.throw(error)
            else:
                waiting = running.send(result)
    except StopIteration:
        return
