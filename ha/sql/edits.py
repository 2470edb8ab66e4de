"""Where a text that was edited has what it had before. [pure]

Edits are points, (offset before, offset after) in their order, from which both texts run on alike.
"""

from __future__ import annotations

from collections.abc import Sequence

Edits = tuple[tuple[int, int], ...]


def back(edits: Sequence[tuple[int, int]], offset: int, end: int) -> int:
    """Where in a text of `end` characters that stood which was moved to `offset` by edits."""
    here, there = 0, 0
    for before, after in edits:
        if after > offset:
            # Inside words of ours: the place they stand for.
            return min(here + offset - there, before)
        here, there = before, after
    return min(here + offset - there, end)


def forth(edits: Sequence[tuple[int, int]], offset: int) -> int:
    """Where an edited text has what stood at `offset`."""
    here, there = 0, 0
    for before, after in edits:
        if before > offset:
            break
        here, there = before, after
    return there + offset - here


def composed(first: Edits, second: Edits) -> Edits:
    """The edits of a text that was edited, and then once more."""
    points = {(before, forth(second, after)) for before, after in first}
    points |= {(back(first, before, before), after) for before, after in second}
    return tuple(sorted(points, key=lambda point: (point[1], point[0])))
