"""Many histories, each made from its seed alone, in several processes and within a time: which fail, what happened in all.

::

    played = play(one, range(2000), seconds=60.0, processes=2)
    played.failed       # seed to what went wrong
    played.happened     # counts of what the histories reached

`one` plays a seed in a folder of its own and returns a :class:`Report`; it can be imported by its name. What was played are
always the first seeds of the range, without a gap, so a count and a first seed tell a run. A process that ends itself is a failure
of the seeds it was at.
"""

from __future__ import annotations

import gc
import os
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice, takewhile
from multiprocessing import get_context
from pathlib import Path

from twisted.logger import globalLogBeginner

from ha.test.quiet import quiet_ends, shared_memory

#: Seeds that a process plays before it tells: short against the time of a run, long against that of a message.
CHUNK = 10


#: Characters of a failure that a command prints.
FAILURE_SHOWN = 3_000


@dataclass(frozen=True, slots=True)
class Report:
    """One history.

    :param failure: what went wrong, or None.
    """

    failure: str | None = None
    happened: Counter[str] = field(default_factory=Counter)


One = Callable[[int, Path], Report]


@dataclass(slots=True)
class Played:
    """All histories of a run."""

    seeds: range
    seconds: float = 0.0
    processor_s: float = 0.0
    failed: dict[int, str] = field(default_factory=dict)
    happened: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        count = len(self.seeds)
        return (
            f"{count} histories from seed {self.seeds.start} in {self.seconds:.0f} s,"
            f" {self.processor_s * 1000 / max(count, 1):.0f} ms of processor each,"
            f" {len(self.failed)} failed {sorted(self.failed)[:20]}"
        )


@dataclass(slots=True)
class _Chunk:
    """What a process tells."""

    seeds: range
    failed: dict[int, str]
    happened: Counter[str]
    processor_s: float


def play(
    one: One,
    seeds: range,
    *,
    seconds: float = float("inf"),
    at_least: int = 0,
    processes: int = 1,
    until_failure: bool = True,
    failed: Callable[[int, str], None] = lambda seed, reason: None,
) -> Played:
    """Play `seeds` in their order.

    :param seconds: begin no more after so long ...
    :param at_least: ... but so many, however long it takes.
    :param until_failure: begin no more after a failure.
    :param failed: told of each failure when it has come.
    """
    began = time.monotonic()
    until = began + seconds
    played = Played(range(seeds.start, seeds.start))
    for chunk in _chunks(
        one, seeds, lambda seed: seed >= seeds.start + at_least and time.monotonic() > until, processes
    ):
        played.seeds = range(seeds.start, max(played.seeds.stop, chunk.seeds.stop))
        played.failed.update(chunk.failed)
        for seed, reason in chunk.failed.items():
            failed(seed, reason)
        played.happened.update(chunk.happened)
        played.processor_s += chunk.processor_s
        if chunk.failed and until_failure:
            break
    played.seconds = time.monotonic() - began
    return played


def _chunks(one: One, seeds: range, is_over: Callable[[int], bool], processes: int) -> Iterator[_Chunk]:
    each = (seeds[at : at + CHUNK] for at in range(0, len(seeds), CHUNK))
    waiting = takewhile(lambda chunk: not is_over(chunk.start), each)
    if processes == 1:
        with quiet_ends():
            for chunk in waiting:
                yield _play_chunk(one, chunk)
        return
    # Each begins as a new interpreter: what this one's threads and reactor hold must not be copied.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_be_quiet) as pool:
        running: dict[Future[_Chunk], range] = {}
        try:
            while True:
                for chunk in islice(waiting, processes - len(running)):
                    running[pool.submit(_play_chunk, one, chunk)] = chunk
                if not running:
                    return
                for done in wait(running, return_when=FIRST_COMPLETED).done:
                    yield done.result()
                    del running[done]
        except BrokenProcessPool:
            for chunk in running.values():
                reason = f"a process ended itself while it played {chunk.start} to {chunk.stop - 1}"
                yield _Chunk(chunk, {chunk.start: reason}, Counter(), 0.0)


#: What holds as long as a process of ours lives.
_life = ExitStack()


def _be_quiet() -> None:
    globalLogBeginner.beginLoggingTo([], redirectStandardIO=False)
    _life.enter_context(quiet_ends())


def _play_chunk(one: One, seeds: range) -> _Chunk:
    began = time.process_time()
    failed: dict[int, str] = {}
    happened: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(dir=shared_memory()) as folder:
        for seed in seeds:
            report = one(seed, Path(folder))
            if report.failure is not None:
                failed[seed] = report.failure
            happened.update(report.happened)
        gc.collect()
    return _Chunk(seeds, failed, happened, time.process_time() - began)


def add_options(parser: ArgumentParser) -> None:
    """Which seeds, on a command's line."""
    parser.add_argument("--seed", type=int, default=0, help="the first one")
    parser.add_argument("--count", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no more after so long")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--go-on", action="store_true", help="count failures instead of stopping at the first")


def play_as_told(one: One, options: Namespace) -> Played:
    """Play what :func:`add_options` found, print what fails, and log nothing."""
    globalLogBeginner.beginLoggingTo([], redirectStandardIO=False)
    return play(
        one,
        range(options.seed, options.seed + options.count),
        seconds=options.seconds,
        processes=options.processes,
        until_failure=not options.go_on,
        failed=lambda seed, reason: print(f"seed {seed}: {reason[:FAILURE_SHOWN]}", flush=True),
    )


def processes_here() -> int:
    """As many as may run at once, two at most: a run's length is reckoned in two."""
    return min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, 2)
