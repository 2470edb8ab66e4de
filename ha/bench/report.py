"""The bench's figures: what is made of raw measurements, and how it is printed. [pure]"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
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

    def at(part: float) -> float:
        return 1000 * ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0

    return Timing(len(ordered), seconds, at(0.5), at(0.99), at(0.999), errors)


@dataclass(frozen=True, slots=True)
class Figures:
    """One line of the table.

    :param cpu_us: CPU time per operation of each process, in microseconds.
    :param memory_mib: what each process held at the end.
    :param applied_per_s: rows that the second node took over per second, while they were written.
    :param lag_s: how long the second node needed to have the last row, counted from the last acknowledgement.
    """

    name: str
    driver: str
    clients: int
    timing: Timing
    cpu_us: Mapping[str, float] = field(default_factory=dict)
    memory_mib: Mapping[str, float] = field(default_factory=dict)
    applied_per_s: float | None = None
    lag_s: float | None = None

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"per_s": self.timing.per_s}


HEADINGS = ("workload", "clients", "op/s", "p50 ms", "p99 ms", "CPU us/op", "applied/s", "lag s", "MiB", "errors")


def table(lines: Sequence[Figures]) -> str:
    """All lines under their headings, columns aligned."""
    cells = [HEADINGS, *(_cells(line) for line in lines)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEADINGS))]
    return "\n".join(
        "  ".join(cell.ljust(width) if not column else cell.rjust(width) for column, (cell, width) in enumerate(pairs))
        for pairs in (list(zip(row, widths, strict=True)) for row in cells)
    )


def _cells(line: Figures) -> tuple[str, ...]:
    seen = line.timing
    return (
        f"{line.name} ({line.driver})",
        str(line.clients),
        f"{seen.per_s:,.0f}",
        f"{seen.p50_ms:.2f}",
        f"{seen.p99_ms:.2f}",
        " ".join(f"{name} {cost:.0f}" for name, cost in line.cpu_us.items()),
        "" if line.applied_per_s is None else f"{line.applied_per_s:,.0f}",
        "" if line.lag_s is None else f"{line.lag_s:.2f}",
        " ".join(f"{name} {size:.0f}" for name, size in line.memory_mib.items()),
        str(seen.errors),
    )


def bar(done: float, total: float, what: str, width: int = 30) -> str:
    """A progress bar for a terminal: rewrites its line."""
    full = int(width * min(1.0, done / total)) if total else width
    return f"\r\x1b[K[{'#' * full}{'.' * (width - full)}] {what}"
