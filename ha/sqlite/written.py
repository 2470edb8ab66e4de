"""Which tables were written when, as far as those who hold a snapshot must know. [pure]

A snapshot that was overtaken is as good as the newest state when nothing was written that was read in it. So for each table it
is remembered in which version of the database it was written last, and by whom.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ha.sqlite.rowchange import Change, Command, parts_of


class Overtaken(NamedTuple):
    """What was written since.

    :param table: its name in small letters; empty: perhaps everything was, or the schema.
    :param foreign: by another node.
    """

    table: str
    foreign: bool


class Written:
    """The last write of each table. Told by whoever holds the writer, after each COMMIT."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[int, bool]] = {}
        self._everything = 0, False
        self._version = 0

    def tell(self, version: int, changes: Sequence[Change], *, foreign: bool = False) -> None:
        """The COMMIT that made this version wrote these. One that nobody told of may have written everything."""
        if version > self._version + 1:
            self._everything = version, foreign
        self._version = version
        names: set[str] = set()
        for change in parts_of(changes):
            if type(change) is Command:  # the schema
                self._last.clear()
                names.clear()
                self._everything = version, foreign
            else:
                names.add(change.table)  # type: ignore[union-attr]
        for name in names:
            self._last[name.lower()] = version, foreign

    def everything(self, version: int, *, foreign: bool = False) -> None:
        """Nobody knows what this version changed."""
        self._last.clear()
        self._everything = version, foreign
        self._version = version

    def since(self, version: int, tables: Iterable[str], now: int) -> Overtaken | None:
        """What of `tables` was written after `version`; None: nothing.

        :param now: the database's version.
        """
        if version == now:
            return None
        if now != self._version or self._everything[0] > version:
            return Overtaken("", self._everything[1])
        for table in sorted({name.lower() for name in tables}):
            at, foreign = self._last.get(table, (0, False))
            if at > version:
                return Overtaken(table, foreign)
        return None
