"""pgbench as a driver: PostgreSQL's own load generator, in C, so that it takes little of what is measured."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from ha.bench.processes import PATIENCE_S, environment
from ha.bench.report import Timing, timing
from ha.bench.workloads import SEED_ROWS, Workload


def installed() -> bool:
    """Whether there is one on this machine."""
    return shutil.which("pgbench") is not None


def script(workload: Workload) -> str:
    """The workload in pgbench's words."""
    if "{key}" not in workload.sql:
        return workload.sql + ";\n"
    return f"\\set key random(1, {SEED_ROWS})\n{workload.sql.format(key=':key')};\n"


def read_log(lines: list[str], seconds: float) -> Timing:
    """What pgbench's per-transaction log says: client, number, microseconds, file, and when it ended."""
    latencies = []
    for line in lines:
        words = line.split()
        if words[2].isdigit():  # else "failed" or "skipped"
            latencies.append(int(words[2]) / 1e6)
    return timing(latencies, seconds, len(lines) - len(latencies))


def drive(workload: Workload, port: int, database: str, clients: int, seconds: float, protocol: str) -> Timing:
    """Let that many clients do it for that long.

    :param protocol: ``simple``, ``extended`` or ``prepared``.
    :raises SystemExit: pgbench could not.
    """
    with tempfile.TemporaryDirectory(prefix="ha-bench-") as folder:
        path = Path(folder) / "script.sql"
        path.write_text(script(workload))
        done = subprocess.run(
            ["pgbench", "-n", "-h", "127.0.0.1", "-p", str(port), "-U", "ha", "-c", str(clients), "-j", "1"]
            + ["-T", str(max(1, round(seconds))), "-M", protocol, "-f", str(path), "-l", database],
            cwd=folder,
            env=environment() | {"PGPASSWORD": "ha"},
            capture_output=True,
            text=True,
            timeout=seconds + PATIENCE_S,
        )
        if done.returncode:
            raise SystemExit(f"pgbench failed:\n{done.stderr}")
        lines = [line for log in Path(folder).glob("pgbench_log.*") for line in log.read_text().splitlines()]
    return read_log(lines, max(1, round(seconds)))
