"""A message that is too large for the log's server, cut into parts that are messages themselves. [pure]

The parts are stored as one atomic batch, and a node sees one entry (:mod:`ha.replication.feed`). A third-party reader sees each
part alone; so the cut is made between two changes, and each part's piece of the body stands between a `head` and a `tail`
that make it a JSON object again. A header says how long those are; :func:`join` takes them off and has the body back, byte
for byte. A body that has no such place to cut at (one change alone is too large, or it is none of our messages) is cut
anywhere, and only nodes can read it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

#: Before the pieces but the first, and after the pieces but the last.
_HEAD = b'{"changes":['
_TAIL = b"]}"

#: Between two changes, and nowhere else: inside a string each quote has a backslash before it.
_BETWEEN = b'},{"database":"main",'

_CUT = re.compile(r"([0-9]{1,9}) ([0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class Part:
    """One message of a batch.

    :param cut: for the header of the part: lengths of head and tail; None where the body was cut anywhere.
    """

    body: bytes
    cut: str | None = None


def split(body: bytes, size: int) -> list[Part]:
    """Cut `body` into parts of at most `size` bytes."""
    places = _places(body, size)
    if places is None:
        return [Part(body[at : at + size]) for at in range(0, len(body), size)]
    return [_part(body, begin, end) for begin, end in places]


def pieces(body: bytes, size: int) -> Iterator[bytes]:
    """The bodies of those parts, each made when it is asked for; `body` itself where it has no place to cut at."""
    places = _places(body, size)
    return iter((body,)) if places is None else (_part(body, begin, end).body for begin, end in places)


def _places(body: bytes, size: int) -> list[tuple[int, int]] | None:
    """Where each part's piece of the body begins and ends; None where no place to cut at comes in time."""
    places = []
    begin = 0
    while True:
        head = len(_HEAD) if begin else 0
        if head + len(body) - begin <= size:
            places.append((begin, len(body)))
            return places
        end = body.rfind(_BETWEEN, begin, begin + size - head - len(_TAIL) + len(_BETWEEN) - 1) + 1
        if end <= begin:
            return None
        places.append((begin, end))
        begin = end + 1  # the comma is nobody's


def _part(body: bytes, begin: int, end: int) -> Part:
    head, tail = _HEAD if begin else b"", _TAIL if end < len(body) else b""
    return Part(b"".join((head, memoryview(body)[begin:end], tail)), f"{len(head)} {len(tail)}")


def join(parts: Sequence[Part]) -> bytes:
    """What :func:`split` cut. Where a header is none that it wrote, the bodies as they are: they will not be a message."""
    found = []
    for part in parts:
        cut = _CUT.fullmatch(part.cut or "")
        if cut is None:
            return b"".join([one.body for one in parts])
        found.append(memoryview(part.body)[int(cut[1]) : len(part.body) - int(cut[2])])
    return b",".join(found)
