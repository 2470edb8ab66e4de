"""How much a pass under a long outbox takes at a time. [pure]

A pass holds the writer, so it should be short. It has two costs: what it undoes and puts back of the outbox, and the entries themselves.
Where few entries meet little of the outbox, smaller passes are shorter ones. Where each entry meets all of it (a hot row, AUTOINCREMENT
on both sides), a pass of one entry takes nearly as long as one of a hundred, and a hundred of them a hundred times as long. Nobody knows
beforehand which it is, and a busy machine makes any pass long; so two passes that follow one another are compared.
"""

from __future__ import annotations

from typing import Final

#: A pass that takes longer is a long one (seconds); one that takes less than half as long may be larger.
LONG_S: Final = 0.1


class Pace:
    """The size of the next pass.

    :param start: bytes of the first one.
    :param most: bytes of the largest one.
    """

    def __init__(self, start: int, most: int) -> None:
        self._most = most
        self._grows = False
        self._last_bytes = 0
        self._last_s = 0.0
        #: Entries are taken as long as they are not larger together; one is taken in any case.
        self.bytes = start

    def took(self, size_bytes: int, count: int, seconds: float) -> bool:
        """A pass of so many bytes, in so many entries, held the writer so long.

        :returns: whether that was long, so that the writers should have as much time now.
        """
        if seconds > LONG_S:
            self._judge(size_bytes, count, seconds)
            self._step(size_bytes)
        elif seconds < LONG_S / 2:
            self._grows = True
            self._step(max(size_bytes, self.bytes))
        self._last_bytes, self._last_s = size_bytes, seconds
        return seconds > LONG_S

    def _judge(self, size_bytes: int, count: int, seconds: float) -> None:
        """More at a time, while of the smaller one of the last two passes the entries cost less than half of the rest."""
        (less_bytes, less_s), (more_bytes, more_s) = sorted(((self._last_bytes, self._last_s), (size_bytes, seconds)))
        entries_s = (more_s - less_s) * less_bytes  # multiplied by the difference of the sizes, as both sides below are
        self._grows = count == 1 or entries_s * 3 < less_s * (more_bytes - less_bytes)

    def _step(self, size_bytes: int) -> None:
        self.bytes = min(size_bytes * 2, self._most) if self._grows else max(size_bytes // 2, 1)
