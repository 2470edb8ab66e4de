"""pgbench as a driver: PostgreSQL's own load generator, in C, so that it takes little of what is measured."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from ha.bench.pgsocket import Address
from ha.bench.processes import PATIENCE_S, environment
from ha.bench.report import Timing, timing
from ha.bench.workloads import KEY_MAX, Workload

__all__ = ["Address", "Run", "installed", "read_log", "script"]


def installed() -> bool:
    """Whether there is one on this machine."""
    return shutil.which("pgbench") is not None


def script(sql: str) -> str:
    """A statement in pgbench's words."""
    if "{key}" not in sql:
        return sql + ";\n"
    return f"\\set key random(1, {KEY_MAX})\n{sql.format(key=':key')};\n"


def read_log(lines: list[str], seconds: float) -> Timing:
    """What pgbench's per-transaction log says: client, number, microseconds, file, and when it ended."""
    latencies = []
    for line in lines:
        words = line.split()
        if words[2].isdigit():  # else "failed" or "skipped"
            latencies.append(int(words[2]) / 1e6)
    return timing(latencies, seconds, len(lines) - len(latencies))


class Run:
    """That many clients do it for that long; it begins at once.

    :param protocol: ``simple``, ``extended`` or ``prepared``.
    """

    def __init__(self, workload: Workload, address: Address, clients: int, seconds: float, protocol: str) -> None:
        self._seconds = max(1, round(seconds))
        self._folder = tempfile.TemporaryDirectory(prefix="ha-bench-")
        folder = Path(self._folder.name)
        files: list[str] = []
        for number, (weight, sql) in enumerate(workload.statements):
            path = folder / f"{number}.sql"
            path.write_text(script(sql))
            files += ["-f", f"{path}@{weight}"]
        self._process = subprocess.Popen(
            ["pgbench", "-n", "-h", address.host, "-p", str(address.port), "-U", address.user, "-c", str(clients)]
            + ["-j", "1", "-T", str(self._seconds), "-M", protocol, *files, "-l", address.database],
            cwd=folder,
            env=environment() | {"PGPASSWORD": address.password},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def timing(self) -> Timing:
        """Wait for its end; what it saw.

        :raises SystemExit: pgbench could not.
        """
        with self._folder as folder:
            try:
                _, said = self._process.communicate(timeout=self._seconds + PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                raise SystemExit("pgbench did not end in time") from None
            if self._process.returncode:
                raise SystemExit(f"pgbench failed:\n{said}")
            lines = [line for log in Path(folder).glob("pgbench_log.*") for line in log.read_text().splitlines()]
        return read_log(lines, self._seconds)
