"""Backends between two requests: HTTP needs one for each, and most requests leave nothing behind that the next could notice.

A backend is a dozen objects that refer to each other, so that it takes the collector to be rid of them. One that is as it was made
(:meth:`ha.backend.Backend.release` decides) is kept here instead, and begins anew for the next request, with a number of its own.

Runs in the reactor's thread.
"""

from __future__ import annotations

from ha.backend import Backend
from ha.replication.replica import Replica

#: Backends that are kept for one database and user: that many requests at a time wait for something, and seldom more.
SPARES_MAX = 64


class Spares:
    """Those of one node."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], list[Backend]] = {}

    def take(self, replica: Replica, user: str, pid: int) -> Backend | None:
        """One for this database and user, as good as new; None: there is none, make one.

        :param pid: the number by which it will be known.
        """
        kept = self._kept.get((replica.name, user))
        while kept:
            backend = kept.pop()
            if backend.replica is replica:  # else the file was replaced meanwhile
                backend.renew(pid)
                return backend
        return None

    def keep(self, backend: Backend) -> None:
        """It was released, and is as it was made."""
        kept = self._kept.setdefault((backend.replica.name, backend.context.user), [])
        if len(kept) < SPARES_MAX:
            kept.append(backend)

    def forget(self) -> None:
        """Databases come or go: what they are called may be another name now."""
        self._kept.clear()
