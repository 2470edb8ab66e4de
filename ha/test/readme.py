"""What README.rst tells its reader to type, and what it shows of the answers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ha.test.repository import repository


def readme() -> str:
    """The page."""
    return (repository() / "README.rst").read_text()


@dataclass(frozen=True)
class Command:
    """One line after a ``$``.

    :param shown: the lines below it, up to the next ``$``.
    """

    text: str
    shown: str

    @property
    def stays(self) -> bool:
        """Whether it keeps its terminal: a node in the foreground."""
        return bool(re.search(r"\btwistd -n\b", self.text))


def commands(text: str) -> list[Command]:
    """The commands of all console blocks, in order."""
    found = []
    for block in re.findall(r"^\.\. code-block:: console\n\n((?:    .*\n|\n)+)", text, re.MULTILINE):
        lines = [line[4:] for line in block.splitlines()]
        for part in re.split(r"^\$ ", "\n".join(lines), flags=re.MULTILINE)[1:]:
            typed, _, shown = part.partition("\n")
            found.append(Command(typed, shown.strip("\n")))
    return found
