"""Who goes when a door's places run out. [pure]

Only those may have to go who wait with nothing under way: strangers who have not logged in, connections without a request. The
one that has waited longest goes, of the address that has most of them: who fills the places drives out itself. (nginx gives up the
connection that was idle longest, sshd drops strangers by chance.)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")


def first_to_go(waiting: Iterable[tuple[T, str]]) -> T | None:
    """One of them, or None where there are none.

    :param waiting: each with its address, in the order they came.
    """
    by_address: dict[str, list[T]] = {}
    for one, address in waiting:
        by_address.setdefault(address, []).append(one)
    return max(by_address.values(), key=len)[0] if by_address else None
