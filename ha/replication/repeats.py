"""Which updates of a message a third-party replica could not apply twice. [pure]

A replica that resumes applies its last message once more (`docs/replication.rst`). INSERT (it runs REPLACE) and DELETE do no
harm then: each says all that there is to say of one key. An UPDATE that moves a row to another key, or takes a unique value,
may: in ``DELETE 2; UPDATE 1 → 2`` the second run deletes the row and finds none to move, in ``INSERT 1; UPDATE 1 → 2`` it moves
a row onto itself. That needs two changes of one message which claim the same key or value, so nearly all messages have none.

Such an update is told as a REPLACE of the whole new image, after a DELETE of the old key where that is another
(:mod:`ha.replication.change`). Then the last change of each key decides, whatever was there before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any

from ha.sqlite.rowchange import UPDATE, Change, RowChange, parts_of
from ha.values import Row


def find_unrepeatable(changes: Sequence[Change]) -> list[int]:
    """The places of those updates in `changes`. Changes without a shape were read from the log, and are left alone."""
    if UPDATE not in set(map(itemgetter(1), parts_of(changes))):  # a row's operation
        return []
    changes = list(changes)  # those that are kept together are not found by their places
    suspects = [
        at
        for at, change in enumerate(changes)
        if type(change) is RowChange and change.operation == UPDATE and _moves(change)
    ]
    if not suspects or len(changes) == 1:
        return []
    tables = {changes[at].table for at in suspects}  # type: ignore[union-attr]
    claimed = Counter(
        claim
        for change in changes
        if type(change) is RowChange and change.table in tables
        for claim in set(_claims(change))
    )
    return [at for at in suspects if any(claimed[claim] > 1 for claim in _claims(changes[at]))]  # type: ignore[arg-type]


def changes_key(change: RowChange) -> bool:
    """Does the update give the row another key?"""
    shape, old, new = change.shape, change.old_values, change.new_values
    assert shape is not None and old is not None and new is not None
    if not shape.key:
        return change.old_rowid != change.new_rowid
    return any(old[at] != new[at] for at in shape.key)


def _moves(change: RowChange) -> bool:
    """Another key, or another unique value. A key with NULL in it claims nothing."""
    shape, old, new = change.shape, change.old_values, change.new_values
    if shape is None or old is None or new is None:
        return False
    if any(old[at] is None or new[at] is None for at in shape.key):
        return False
    return changes_key(change) or shape.unique is None or any(old[at] != new[at] for at in shape.unique)


def _claims(change: RowChange) -> Iterator[Any]:
    """What the row holds that no other may hold at the same time."""
    shape = change.shape
    if shape is None:
        return
    if shape.unique is None:
        yield change.table
    for rowid, values in ((change.old_rowid, change.old_values), (change.new_rowid, change.new_values)):
        if values is None:
            continue
        yield (change.table, _key(shape.key, rowid, values))
        for at in shape.unique or ():
            if values[at] is not None:
                yield (change.table, at, _folded(values[at]))


def _key(key: tuple[int, ...], rowid: int | None, values: Row) -> Any:
    return tuple([_folded(values[at]) for at in key]) if key else rowid


def _folded(value: Any) -> Any:
    """So that what a collation may hold for equal is equal: two claims too many cost a longer message only."""
    return value.rstrip().lower() if type(value) is str else value
