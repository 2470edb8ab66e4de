"""One value of SQLite's that holds several, each as it was: for a query whose rows differ in length and in kinds."""

from __future__ import annotations

import marshal
from collections.abc import Callable
from typing import Any, Final


def packed(*values: Any) -> bytes:
    """``pg_packed(…)``: to be unpacked by this process, and kept nowhere."""
    return marshal.dumps(values)


def unpacked(value: bytes) -> tuple[Any, ...]:
    """The values again."""
    found: tuple[Any, ...] = marshal.loads(value)
    return found


#: Name, number of arguments, what computes it.
FUNCTIONS: Final[tuple[tuple[str, int, Callable[..., Any]], ...]] = (("pg_packed", -1, packed),)
