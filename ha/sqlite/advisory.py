"""Advisory locks: names for what clients agree upon among themselves.

They are kept in memory and by each node for itself: clients of different nodes do not see each other's. Who wants one
for the whole cluster writes a row.

A lock that somebody else holds is waited for in a thread, for :data:`WAIT_MAX_S` at most: every waiting client keeps a
thread and a connection. Safe to call from any thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Final
from weakref import WeakKeyDictionary

from ha.errors import StatementError
from ha.sqlite.sleep import SLICE_S

#: The longest wait for a lock (seconds), where lock_timeout does not say less.
WAIT_MAX_S: Final = 10.0
#: Locks that one client may hold; PostgreSQL's table has room for 6,400 by default.
HELD_MAX: Final = 10_000

#: One number, or two: different locks, in PostgreSQL too.
Key = tuple[int, ...]


class Locks:
    """The locks of one database on this node."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        #: By key: who holds it, and whether shared.
        self.holders: dict[Key, dict[Claims, list[int]]] = {}


_locks: WeakKeyDictionary[Any, Locks] = WeakKeyDictionary()


def of(database: Any) -> Locks:
    """The locks that all clients of `database` share, whatever object that is."""
    found = _locks.get(database)
    if found is None:
        found = _locks[database] = Locks()
    return found


class Claims:
    """What one client holds of them: each lock as often as it took it.

    :param locks: those of the client's database.
    """

    def __init__(self, locks: Locks | None = None) -> None:
        self._locks = locks or Locks()
        #: (key, shared) to how often, for the session and for its transaction.
        self.session: dict[tuple[Key, bool], int] = {}
        self.transaction: dict[tuple[Key, bool], int] = {}

    def take(self, key: Key, *, shared: bool, transaction: bool, may_wait: Callable[[], bool] | None) -> bool:
        """Take a lock, after waiting while `may_wait` says so; None does not wait at all.

        :returns: False when somebody else holds it.
        """
        with self._locks.changed:
            while not self._is_free(key, shared):
                if may_wait is None or not may_wait():
                    return False
                self._locks.changed.wait(SLICE_S)
            if len(self.session) + len(self.transaction) >= HELD_MAX:
                raise StatementError("53200", f"a client holds at most {HELD_MAX} advisory locks")
            held = self.transaction if transaction else self.session
            held[key, shared] = held.get((key, shared), 0) + 1
            self._locks.holders.setdefault(key, {}).setdefault(self, [0, 0])[shared] += 1
            return True

    def release(self, key: Key, *, shared: bool) -> bool:
        """Give a session's lock back, once. False if it was not held."""
        with self._locks.changed:
            return self._release(self.session, key, shared, 1)

    def release_all(self) -> None:
        """Give back all that the session holds, not what its transaction does."""
        self._end(self.session)

    def end_transaction(self) -> None:
        """Give back what was taken for the transaction."""
        self._end(self.transaction)

    def _end(self, held: dict[tuple[Key, bool], int]) -> None:
        if held:
            with self._locks.changed:
                for (key, shared), count in tuple(held.items()):
                    self._release(held, key, shared, count)

    def _is_free(self, key: Key, shared: bool) -> bool:
        # counts[0]: exclusive, counts[1]: shared
        return all(
            holder is self or (shared and not counts[0]) for holder, counts in self._locks.holders.get(key, {}).items()
        )

    def _release(self, held: dict[tuple[Key, bool], int], key: Key, shared: bool, count: int) -> bool:
        have = held.get((key, shared), 0)
        if not have:
            return False
        if have > count:
            held[key, shared] = have - count
        else:
            del held[key, shared]
        holders = self._locks.holders[key]
        counts = holders[self]
        counts[shared] -= count
        if not any(counts):
            del holders[self]
            if not holders:
                del self._locks.holders[key]
        self._locks.changed.notify_all()
        return True


def patience(connection: Any, lock_timeout_s: float) -> Callable[[], bool]:
    """How long a statement of `connection` may wait.

    :raises StatementError: (when asked) 55P03, too long; 57014, the statement must stop, or runs where nothing may wait.
    """
    until = time.monotonic() + min(lock_timeout_s or WAIT_MAX_S, WAIT_MAX_S)
    gauge = getattr(connection, "gauge", None)
    asked = False

    def may_wait() -> bool:
        nonlocal asked
        first, asked = not asked, True
        if gauge is not None and ((first and gauge.hurried) or gauge()):
            raise StatementError("57014", "canceling statement due to statement timeout")
        if time.monotonic() >= until:
            raise StatementError("55P03", "canceling statement due to lock timeout")
        return True

    return may_wait


def rows(
    claims: Callable[[], Claims], wait: Callable[[], Callable[[], bool]]
) -> list[tuple[str, int, Callable[..., Any]]]:
    """Name, number of arguments and function, as :mod:`ha.sqlite.functions` registers them."""

    def unlock_all() -> str:
        claims().release_all()
        return ""

    made: list[tuple[str, int, Callable[..., Any]]] = [("pg_advisory_unlock_all", 0, unlock_all)]
    for shared in (False, True):
        suffix = "_shared" if shared else ""
        for transaction in (False, True):
            middle = "xact_" if transaction else ""
            for count in (1, 2):
                made.append((f"pg_advisory_{middle}lock{suffix}", count, _taking(claims, wait, shared, transaction)))
                made.append(
                    (f"pg_try_advisory_{middle}lock{suffix}", count, _taking(claims, None, shared, transaction))
                )
        for count in (1, 2):
            made.append((f"pg_advisory_unlock{suffix}", count, _releasing(claims, shared)))
    return made


def _taking(
    claims: Callable[[], Claims], wait: Callable[[], Callable[[], bool]] | None, shared: bool, transaction: bool
) -> Callable[..., Any]:
    def function(*key: Any) -> Any:
        if None in key:
            return None
        may_wait = wait() if wait is not None else None
        taken = claims().take(_key(key), shared=shared, transaction=transaction, may_wait=may_wait)
        return int(taken) if wait is None else ""

    return function


def _releasing(claims: Callable[[], Claims], shared: bool) -> Callable[..., Any]:
    return lambda *key: None if None in key else int(claims().release(_key(key), shared=shared))


def _key(values: tuple[Any, ...]) -> Key:
    if not all(isinstance(value, int) for value in values):
        raise StatementError("22P02", "an advisory lock's key is a whole number")
    return values
