"""The bench's figures: what is made of raw measurements, and how it is printed. [pure]"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Timing:
    """What a driver saw: how many operations in how long, and how long they took.

    :param seconds: from the first operation to the last.
    :param errors: operations that failed; they count nowhere else.
    """

    operations: int
    seconds: float
    p50_ms: float
    p99_ms: float
    p999_ms: float
    errors: int = 0

    @property
    def per_s(self) -> float:
        """Throughput."""
        return self.operations / self.seconds if self.seconds else 0.0


def timing(latencies_s: Sequence[float], seconds: float, errors: int = 0) -> Timing:
    """The figures of a list of latencies."""
    ordered = sorted(latencies_s)
    p50, p99, p999 = (1000 * percentile(ordered, part) for part in (0.5, 0.99, 0.999))
    return Timing(len(ordered), seconds, p50, p99, p999, errors)


def percentile(ordered: Sequence[float], part: float) -> float:
    """The value below which that part of an ordered list lies; 0 of none."""
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0


def together(timings: Sequence[Timing]) -> Timing:
    """Several drivers at the same time as one: operations add up; of the latencies the worst driver's are told."""
    return Timing(
        sum(one.operations for one in timings),
        max(one.seconds for one in timings),
        max(one.p50_ms for one in timings),
        max(one.p99_ms for one in timings),
        max(one.p999_ms for one in timings),
        sum(one.errors for one in timings),
    )


@dataclass(frozen=True, slots=True)
class Lag:
    """How far the second node was behind, in milliseconds, seen every few."""

    p50_ms: float
    p99_ms: float
    worst_ms: float


@dataclass(frozen=True, slots=True)
class Figures:
    """One line of the table.

    :param server: whose.
    :param rows: that one operation writes or reads.
    :param cpu_us: CPU time per operation of each process, in microseconds.
    :param memory_mib: the most each process held.
    :param lag: of the second node, where it follows.
    """

    name: str
    server: str
    driver: str
    clients: int
    timing: Timing
    rows: int = 1
    cpu_us: Mapping[str, float] = field(default_factory=dict)
    memory_mib: Mapping[str, float] = field(default_factory=dict)
    lag: Lag | None = None

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"per_s": self.timing.per_s}

    @property
    def cpu_us_all(self) -> float:
        """CPU time per operation of all processes."""
        return sum(self.cpu_us.values())


@dataclass(frozen=True, slots=True)
class Once:
    """Something that is done once, however long it takes.

    :param figures: words and numbers, in order.
    """

    name: str
    figures: Mapping[str, float]

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Ratio:
    """Ours divided by a peer's, from rounds that took turns: the middle one, and the spread.

    :param what: ``per_s`` or ``cpu_us``.
    """

    name: str
    clients: int
    peer: str
    what: str
    middle: float
    lowest: float
    highest: float


def middle(rounds: Sequence[Figures]) -> Figures:
    """Of several rounds of one line the one with the middle throughput."""
    return sorted(rounds, key=lambda one: one.timing.per_s)[len(rounds) // 2]


def ratios(ours: Sequence[Figures], theirs: Sequence[Figures]) -> list[Ratio]:
    """Throughput and CPU, round by round, each against the other's same round."""
    made = []
    for what in ("per_s", "cpu_us"):
        pairs = [(_what(mine, what), _what(its, what)) for mine, its in zip(ours, theirs, strict=True)]
        found = [mine / its for mine, its in pairs if mine and its]
        if found:
            first, other = ours[0], theirs[0]
            made.append(Ratio(first.name, first.clients, other.server, what, median(found), min(found), max(found)))
    return made


def _what(figures: Figures, what: str) -> float:
    return figures.timing.per_s if what == "per_s" else figures.cpu_us_all


HEADINGS = (
    "workload",
    "server",
    "clients",
    "op/s",
    "rows/s",
    "p50 ms",
    "p99 ms",
    "p99.9 ms",
    "CPU us/op",
    "lag p99 ms",
    "peak MiB",
    "errors",
)

#: Columns of words; numbers stand to the right.
_WORDS = 2


def table(lines: Sequence[Figures]) -> str:
    """All lines under their headings, columns aligned."""
    cells = [HEADINGS, *(_cells(line) for line in lines)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEADINGS))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column < _WORDS else cell.rjust(width) for column, (cell, width) in enumerate(pairs)
        )
        for pairs in (list(zip(row, widths, strict=True)) for row in cells)
    )


def _cells(line: Figures) -> tuple[str, ...]:
    seen = line.timing
    return (
        line.name,
        f"{line.server} ({line.driver})",
        str(line.clients),
        f"{seen.per_s:,.0f}",
        f"{seen.per_s * line.rows:,.0f}" if line.rows > 1 else "",
        f"{seen.p50_ms:.2f}",
        f"{seen.p99_ms:.2f}",
        f"{seen.p999_ms:.2f}",
        " ".join(f"{name} {cost:.0f}" for name, cost in line.cpu_us.items()),
        "" if line.lag is None else f"{line.lag.p99_ms:.0f}",
        " ".join(f"{name} {size:.0f}" for name, size in line.memory_mib.items()),
        str(seen.errors),
    )


def sentences(found: Sequence[Ratio]) -> list[str]:
    """The ratios in words."""
    words = {"per_s": "throughput", "cpu_us": "CPU per operation"}
    return [
        f"{one.name}, {one.clients} clients: {words[one.what]} {one.middle:.2f} x {one.peer}'s "
        f"({one.lowest:.2f} to {one.highest:.2f})"
        for one in found
    ]


def bar(done: float, total: float, what: str, width: int = 30) -> str:
    """A progress bar for a terminal: rewrites its line."""
    full = int(width * min(1.0, done / total)) if total else width
    return f"\r\x1b[K[{'#' * full}{'.' * (width - full)}] {what}"
