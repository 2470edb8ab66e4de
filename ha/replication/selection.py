"""Which messages of the outbox have to be undone for what has arrived: those that it meets, and what was built upon them.

A message that others wrote may be put under one of ours without undoing that one when the two touch nothing in common
(:mod:`ha.sqlite.touches`): the outcome is the same in either order. One that does meet it is undone and put back on top, and
so is each later one of the outbox that meets what is undone. What cannot be told is undone.

This only reads, and needs no hold of the writer: the outbox may grow meanwhile, and :meth:`Selection.extend` looks at what came
to its end since. Whoever else changes the outbox in between makes a selection worthless.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from ha.replication.change import Message, Record, decode
from ha.replication.entry import Entry
from ha.sqlite import tables as schema
from ha.sqlite.connection import Connection
from ha.sqlite.pending import find_pending, get_pending, touches_after
from ha.sqlite.touches import Touches, touches_of

#: Messages whose touches were not known, and are found, are kept up to so many bytes in memory before they are written down.
FOUND_BYTES_MAX: Final = 1024 * 1024


class CannotSelect(Exception):
    """All of the outbox has to be undone: what arrived changes the schema, or is not where it should be."""


@dataclass(slots=True)
class Selection:
    """What a pass has to undo.

    :param messages: what others wrote, by its place among the entries; ours are left out.
    :param runs: the places in the outbox that are to be undone, ascending; each run of neighbours together.
    :param seen: the last place that was looked at.
    :param arrived: what the arrivals touch, as far as they say.
    :param touches: the same, and what is undone touches.
    :param found: touches that were not known before.
    :param complete: False: too much was not known; what was found is to be written down, and then it is selected again.
    """

    messages: dict[int, Message] = field(default_factory=dict)
    runs: list[list[int]] = field(default_factory=list)
    seen: int = 0
    arrived: Touches = field(default_factory=Touches)
    touches: Touches = field(default_factory=Touches)
    found: dict[int, Touches] = field(default_factory=dict)
    complete: bool = True

    def extend(self, connection: Connection) -> None:
        """Look at what the outbox has behind the last place that was looked at."""
        found_bytes = 0
        for number, writes, refers in touches_after(connection, self.seen):
            if writes is None:
                if found_bytes > FOUND_BYTES_MAX:
                    self.complete = False
                    return
                pending = get_pending(connection, number)
                one = _touches_of_pending(connection, pending.body, pending.undo)
                if one is not None:
                    self.found[number] = one
                    found_bytes += len(pending.body)
                    writes, refers = tuple(one.writes), tuple(one.refers)
            if writes is None:
                raise CannotSelect("a message of the outbox is not in this file")
            self._look(number, writes, refers)

    def _look(self, number: int, writes: tuple[int, ...], refers: tuple[int, ...]) -> None:
        previous, self.seen = self.seen, number
        if not self.touches.meet(writes, refers):
            return
        self.touches.writes.update(writes)
        self.touches.refers.update(refers)
        if self.runs and self.runs[-1][-1] == previous:
            self.runs[-1].append(number)
        else:
            self.runs.append([number])

    @property
    def undone(self) -> frozenset[int]:
        """All places that are to be undone."""
        return frozenset(number for run in self.runs for number in run)


@dataclass(slots=True)
class Outcome:
    """What a pass really touched, part by part.

    :param parts: each with the place of the outbox behind which it was put; 0 for what arrived.
    :param surprising: something was touched that the part had not named before: a row gave way, and was put elsewhere.
    """

    parts: list[tuple[int, Touches]] = field(default_factory=list)
    surprising: bool = False

    def add(self, number: int, touches: Touches, named: Touches | None) -> None:
        """One more part, and what it had named."""
        self.parts.append((number, touches))
        beyond = touches if named is None else touches.beyond(named)
        self.surprising = self.surprising or bool(beyond.writes or beyond.refers)

    def meet(self, writes: Iterable[int], refers: Iterable[int]) -> bool:
        """Whether any part meets these."""
        return any(part.meet(writes, refers) for _, part in self.parts)

    def met(self, standing: Iterable[tuple[int, Sequence[int] | None, Sequence[int]]]) -> bool:
        """Whether one of the messages that stand meets what was put under it: parts of places before its own.

        :param standing: place, writes and refers of each, ascending.
        """
        parts = sorted(self.parts, key=lambda part: part[0])
        under, at = Touches(), 0
        for number, writes, refers in standing:
            while at < len(parts) and parts[at][0] < number:
                under.add(parts[at][1])
                at += 1
            if writes is None or under.meet(writes, refers):
                return True
        return False


def select(connection: Connection, entries: Sequence[Entry]) -> Selection:
    """What a pass that applies `entries` has to undo. Inside a transaction, among the house's own statements.

    :raises CannotSelect: all of it.
    """
    schema.of(connection).refresh()
    selection = Selection()
    for at, entry in enumerate(entries):
        if find_pending(connection, entry.message_id) is not None:
            continue
        message = decode(entry.body)
        touches = touches_of(connection, message.changes, (), message.sequences)
        if touches is None:
            raise CannotSelect("another node changed the schema")
        selection.messages[at] = message
        selection.arrived.add(touches)
    selection.touches.add(selection.arrived)
    if selection.messages:
        selection.extend(connection)
    return selection


def _touches_of_pending(connection: Connection, body: bytes, undo: bytes | None) -> Touches | None:
    if undo is None:
        return None
    return touches_done(connection, decode(body), Record.from_bytes(undo))


def touches_done(connection: Connection, message: Message, record: Record) -> Touches | None:
    """What a message touches that did what `record` says; None if it changes the schema."""
    return touches_of(connection, message.changes, record.events, (*message.sequences, *record.sequences))
