"""Processes on this machine: how to start a node, what a process costs, who its children are.

Linux only: it reads ``/proc``.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import random
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar

import ha

T = TypeVar("T")

#: Where ``ha`` was imported from: the repository, or site-packages.
ROOT = Path(ha.__file__).parents[1]

#: How much longer than it was told a driver may take, before it counts as hung.
PATIENCE_S = 60.0

_PR_SET_PDEATHSIG = 1
_LISTEN = "0A"  # a socket's state in /proc/net/tcp
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def eventually(condition: Callable[[], T], what: str, timeout_s: float) -> T:
    """Ask until the answer is true, and return it.

    :raises TimeoutError: it did not become true in time; the last exception, if there was one, is the cause.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        cause: Exception | None = None
        try:
            answer = condition()
            if answer:
                return answer
        except Exception as error:  # a condition may fail while things are not there yet; it is told at the end
            cause = error
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout_s:g} s: {what}") from cause
        time.sleep(0.05)


#: Ports for nodes lie below those that the kernel gives to outgoing connections, which could take one.
_PORTS = range(20000, 32000)

#: Each process takes them from a block of its own, for one that was given away a moment ago may not be listened at yet.
_BLOCK = 1000


def _candidates() -> Iterator[int]:
    """Ports to try; none comes again before all others of the block have. With more processes than blocks, some share all."""
    with closing(socket.socket(socket.AF_UNIX)) as claim:
        ports = _PORTS
        for first in random.sample(_PORTS[::_BLOCK], len(_PORTS[::_BLOCK])):
            with suppress(OSError):  # another process has this block
                claim.bind(f"\0ha ports from {first}")  # an abstract name: it is gone when the process is
                ports = range(first, first + _BLOCK)
                break
        yield from itertools.cycle(random.sample(ports, len(ports)))


_ports = _candidates()


def free_ports(count: int) -> list[int]:
    """Ports nobody listens at."""
    ports: list[int] = []
    while len(ports) < count:
        port = next(_ports)
        with closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        ports.append(port)
    return ports


def listens(port: int) -> bool:
    """Whether somebody accepts connections there."""
    with closing(socket.socket()) as probe:
        probe.settimeout(5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def twistd() -> list[str]:
    """The program of the environment that Python runs in."""
    return [str(Path(sys.executable).with_name("twistd"))]


def environment() -> dict[str, str]:
    """For processes that shall use the same ha as this one, and none of the caller's own settings."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("HA_", "PG"))}
    ours["PATH"] = f"{Path(sys.executable).parent}:{ours.get('PATH', os.defpath)}"
    ours["PYTHONPATH"] = str(ROOT)
    return ours


def die_with_parent() -> None:
    """In a child between fork and exec: be ended when the process that started it ends."""
    # A shell has what it runs in the background ignore SIGINT, and the child would inherit that.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def alive(pid: int) -> bool:
    """Whether the process runs (a zombie does not)."""
    try:
        return _stat(pid)[0] not in ("Z", "X")
    except OSError:
        return False


def children(pid: int) -> list[int]:
    """The process's children, whichever of its threads made them."""
    found: list[int] = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += [int(word) for word in (task / "children").read_text().split()]
    except OSError:
        pass
    return found


def processes_in(folder: Path) -> list[int]:
    """The processes whose command line names something in that folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(folder) in words:
                found.append(int(entry.name))
    return found


def listener(port: int) -> int | None:
    """The process that accepts connections at that port of this machine, if we may know it."""
    wanted = {
        f"socket:[{words[9]}]"
        for table in ("tcp", "tcp6")
        for words in map(str.split, Path(f"/proc/net/{table}").read_text().splitlines()[1:])
        if words[3] == _LISTEN and int(words[1].rpartition(":")[2], 16) == port
    }
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if any(os.readlink(link) in wanted for link in (entry / "fd").iterdir()):
                    found.append(int(entry.name))
            except OSError:
                continue  # it ended, or is not ours to look at
    # Children inherit a listening socket; the eldest is the one that opened it.
    return min(found) if found else None


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    for one in found:
        found += children(one)
    return found


def cpu_s(pids: Iterable[int]) -> float:
    """The CPU time, user's and system's, that these processes and their ended children have taken so far. Steps of 10 ms."""
    ticks = 0
    for pid in pids:
        try:
            ticks += sum(map(int, _stat(pid)[11:15]))
        except OSError:
            continue  # it has ended: its parent has its time
    return ticks / _TICKS_PER_S


def memory_bytes(pids: Iterable[int]) -> int:
    """What these processes hold in memory, shared pages included."""
    return sum(_status_kib(pid, "VmRSS:") for pid in pids) * 1024


def peak_bytes(pids: Iterable[int]) -> int:
    """The most they have held since :func:`forget_peak`, each at its own moment."""
    return sum(_status_kib(pid, "VmHWM:") for pid in pids) * 1024


def forget_peak(pids: Iterable[int]) -> None:
    """The peak begins anew, where we may write there."""
    for pid in pids:
        with suppress(OSError):
            Path(f"/proc/{pid}/clear_refs").write_text("5")


def _status_kib(pid: int, name: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0  # it has ended
    return next((int(line.split()[1]) for line in lines if line.startswith(name)), 0)


def _stat(pid: int) -> list[str]:
    # The second field, the name, may hold spaces and parentheses; what counts comes behind it.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
