"""The clients of one node: who is connected, what each does, and how one may stop another. [pure]

:class:`Company` is one for all databases of a node; each :class:`~ha.backend.Backend` enters it with its pid and leaves it when it
closes. The catalog asks it for ``pg_stat_activity``, and ``pg_cancel_backend`` and ``pg_terminate_backend`` go through it. SQL functions
may run in any thread: what they ask is answered from copies, and what they order is done in the reactor's thread, in its next turn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ha.values import Activity


class Member(Protocol):
    """A client's backend."""

    pid: int

    @property
    def activity(self) -> Activity: ...
    def cancel(self) -> None: ...
    def terminate(self) -> None: ...


class Company:
    """The backends of a node by their pids.

    :param call: runs a function in the reactor's thread, in its next turn; may be called from any thread.
    """

    def __init__(self, call: Callable[[Callable[[], None]], object]) -> None:
        self._call = call
        self._members: dict[int, Member] = {}

    def enter(self, member: Member) -> None:
        """A client has come."""
        self._members[member.pid] = member

    def leave(self, member: Member) -> None:
        """It has gone."""
        self._members.pop(member.pid, None)

    def activities(self) -> list[Activity]:
        """What everybody does."""
        return [member.activity for member in list(self._members.values())]

    def cancel(self, pid: int) -> bool:
        """Stop what that client runs (57014); False where there is no such client."""
        return self._order(pid, lambda member: member.cancel())

    def terminate(self, pid: int) -> bool:
        """End that client's session (57P01); False where there is no such client."""
        return self._order(pid, lambda member: member.terminate())

    def _order(self, pid: int, order: Callable[[Member], None]) -> bool:
        if pid not in self._members:
            return False

        def carry_out() -> None:
            member = self._members.get(pid)
            if member is not None:
                order(member)

        self._call(carry_out)
        return True
