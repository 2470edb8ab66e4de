"""``python -m ha.bench wire``: the PostgreSQL door beside a PostgreSQL, in rounds that take turns.

Where a PostgreSQL is installed, one is started in a temporary folder with its own defaults; its programs are looked for on
the PATH and where Debian and Red Hat put them. What is told is a ratio of CPU per query, because both share the machine with the
load.
"""

from __future__ import annotations

import argparse
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ha.bench import pgbench
from ha.bench.cluster import Cluster
from ha.bench.pgsocket import Address
from ha.bench.processes import environment, eventually, family, free_ports, listener, listens
from ha.bench.report import Figures, bar, middle, ratios, sentences, table
from ha.bench.rounds import Rounds
from ha.bench.servers import Server, ours
from ha.bench.workloads import WORKLOADS

#: Where packages put the programs of a server.
PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/opt/postgresql*/bin")

#: Workload, protocol of pgbench, and the most that our CPU per query may be of PostgreSQL's.
MARKS = (
    ("SELECT 1, PostgreSQL", "simple", 0.5),
    ("SELECT 1, PostgreSQL", "extended", 0.7),
    ("read by key, PostgreSQL", "simple", 0.8),
    ("read by key, PostgreSQL", "prepared", 1.3),
    ("range of 100 rows, PostgreSQL", "simple", 2.0),
)

START_TIMEOUT_S = 60.0


def programs() -> Path | None:
    """The folder of ``postgres`` and ``initdb``, the newest where there are several."""
    on_path = shutil.which("postgres")
    if on_path is not None:
        return Path(on_path).parent
    found = [folder for place in PLACES for folder in Path("/").glob(place[1:]) if (folder / "initdb").exists()]
    return max(found, key=lambda folder: [int(part) for part in folder.parts if part.isdigit()], default=None)


@contextmanager
def postgres(folder: Path, bin: Path) -> Iterator[Server]:
    """A PostgreSQL with its defaults, while the block runs. It refuses to run as root, so then ``nobody`` runs it."""
    data = folder / "postgres"
    data.mkdir()
    user = None
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        user = nobody.pw_uid
        os.chown(data, nobody.pw_uid, nobody.pw_gid)
        folder.chmod(0o755)
    (port,) = free_ports(1)
    words = [str(bin / "initdb"), "-D", str(data), "-A", "trust", "-U", "ha", "--no-locale", "-E", "UTF8"]
    subprocess.run(words, user=user, env=environment(), cwd=data, check=True, stdout=subprocess.DEVNULL)
    server = subprocess.Popen(
        [str(bin / "postgres"), "-D", str(data), "-p", str(port), "-c", "listen_addresses=127.0.0.1", "-k", str(data)],
        user=user,
        env=environment(),
        cwd=data,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: listens(port), "PostgreSQL listens", START_TIMEOUT_S)
        version = subprocess.run([str(bin / "postgres"), "--version"], capture_output=True, text=True).stdout.split()[2]
        address = Address("127.0.0.1", port, "ha", "", "postgres")
        eventually(lambda: listener(port) is not None, "its process can be found", START_TIMEOUT_S)
        yield Server(f"PostgreSQL {version}", address, groups=lambda: {"postgres": family(server.pid)})
    finally:
        server.terminate()
        server.wait()


def main(words: list[str]) -> None:
    """Run the marks, print CPU per query and the ratios."""
    parser = argparse.ArgumentParser(prog="python -m ha.bench wire", description="Measure the PostgreSQL door.")
    parser.add_argument(
        "--seconds", type=float, default=3.0, help="for each server in each round (default: %(default)g)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="(default: %(default)d)")
    parser.add_argument("--clients", type=int, default=16, help="(default: %(default)d)")
    told = parser.parse_args(words)
    if not pgbench.installed():
        raise SystemExit("the wire is measured with pgbench, which is not installed")
    bin = programs()
    with tempfile.TemporaryDirectory(prefix="ha-bench-") as name, Cluster(Path(name), []) as cluster:
        first = ours(cluster)
        first.groups = lambda: {"node": [cluster.first.pids["node"]]}
        first.prepare()
        if bin is None:
            print("no PostgreSQL is installed to compare with")
            compare(told, first, None)
        else:
            with postgres(Path(name), bin) as peer:
                peer.prepare()
                compare(told, first, peer)


def compare(told: argparse.Namespace, first: Server, peer: Server | None) -> None:
    """All marks, in rounds that take turns."""
    by_name = {workload.name: workload for workload in WORKLOADS}
    lines: list[Figures] = []
    said: list[str] = []
    for number, (name, protocol, mark) in enumerate(MARKS):
        rounds = Rounds("pgbench", protocol, None)
        mine: list[Figures] = []
        its: list[Figures] = []
        for turn in range(told.rounds):
            if sys.stderr.isatty():
                done = number * told.rounds + turn
                print(bar(done, len(MARKS) * told.rounds, f"{name}, {protocol}"), end="", file=sys.stderr, flush=True)
            for server, seen in ((first, mine), *(((peer, its),) if peer is not None else ())):
                figures = rounds.line(server, by_name[name], told.clients, told.seconds)
                seen.append(replace(figures, name=f"{name.partition(',')[0]}, {protocol}"))
        lines.append(middle(mine))
        if its:
            lines.append(middle(its))
            found = ratios(mine, its)
            cost = next(one for one in found if one.what == "cpu_us")
            said += [*sentences(found), f"    the mark is {mark:g}: {'met' if cost.middle <= mark else 'missed'}"]
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    print(table(lines))
    print("\n".join(said))
