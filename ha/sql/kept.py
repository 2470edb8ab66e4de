"""What was found out about texts, as long as there is room for it. [pure]"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

#: Characters of all keys together. What is kept of a text is up to three times as long as the text, and a node has some twenty such
#: memories, so they may come to some 250 MB where programs send nothing but texts of 60 KiB; ordinary ones make it one or two.
CHARACTERS_KEPT: Final = 4 * 1024 * 1024
#: Longer texts are data. Several steps of one execution ask about them, and seldom a second execution: only the newest is kept.
LONG_TEXT: Final = 64 * 1024


class Kept(dict[K, V]):
    """A dictionary that forgets everything when it is full: texts with values in them come once and never again.

    :param entries_max: so many entries are kept.
    """

    __slots__ = ("_characters", "_entries_max", "_long")

    def __init__(self, entries_max: int) -> None:
        super().__init__()
        self._entries_max = entries_max
        self._characters = 0
        self._long: K | None = None

    def keep(self, key: K, value: V) -> None:
        """Remember `value`; `key` is a text, or a tuple whose strings are counted."""
        size = len(key) if isinstance(key, str) else sum(len(part) for part in _parts(key) if isinstance(part, str))
        if size > LONG_TEXT:
            if self._long is not None:
                self.pop(self._long, None)
            self._long = key
        elif len(self) >= self._entries_max or self._characters + size > CHARACTERS_KEPT:
            self.clear()
            self._characters = size
        else:
            self._characters += size
        self[key] = value

    def clear(self) -> None:
        """Forget everything."""
        super().clear()
        self._characters, self._long = 0, None


def _parts(key: Hashable) -> tuple[object, ...]:
    return key if isinstance(key, tuple) else ()
