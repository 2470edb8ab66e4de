"""A downloaded copy of a database, checked, and put in the place of the file that it replaces.

A crash at any point of :func:`swap` leaves the old file whole or the new one whole. Everything here blocks: it is for a
deferred thread, or for a time when nobody is served.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from pathlib import Path
from typing import Any, Final

import apsw
import orjson

from ha.errors import StatementError
from ha.sqlite.backup import SPARE_BYTES
from ha.sqlite.connection import Connection, open_visitor, open_writer
from ha.sqlite.folder import sync_directory
from ha.sqlite.schema import install, is_settled, read_membership, read_positions

#: Ends the name of a download beside the database file: the same file system, so that a rename puts it in place.
PART_SUFFIX: Final = ".restore"

#: Bytes hashed at a time.
HASH_BYTES: Final = 1024 * 1024


class BadSnapshot(Exception):
    """A snapshot cannot be trusted, or is of another log. The text is a sentence for the operator."""


def part_of(path: Path) -> Path:
    """Where the download for the database at `path` goes."""
    return Path(f"{path}{PART_SUFFIX}")


def make_room(path: Path, size_bytes: int) -> Path:
    """Where a download of that size for the database at `path` goes; what an earlier one left is removed.

    :raises StatementError: 53100, the disk has no room for it.
    """
    part = part_of(path)
    remove(part)
    if shutil.disk_usage(part.parent).free < size_bytes + SPARE_BYTES:
        raise StatementError("53100", f"no space left in {part.parent} for a snapshot of {size_bytes} bytes")
    return part


def digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    summing = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(HASH_BYTES):
            summing.update(piece)
    return summing.hexdigest()


def check(part: Path, subject: str, sequence: int, membership: tuple[str, int], size_bytes: int, sum: str) -> None:
    """The downloaded bytes are those that were stored, a sound database, and at the position they claim.

    :param membership: cluster id and epoch.
    :param sum: what :func:`digest` must give.
    :raises BadSnapshot: they are not.
    """
    if part.stat().st_size != size_bytes or digest(part) != sum:
        raise BadSnapshot(f"{part}: the snapshot was damaged on its way (its digest differs)")
    try:
        connection = open_visitor(str(part))
    except apsw.Error as error:
        raise BadSnapshot(f"{part}: the snapshot cannot be opened ({error})") from None
    try:
        with connection.guard.trusted():
            found = connection.execute("PRAGMA main.quick_check(1)").get
        if found != "ok":
            raise BadSnapshot(f"{part}: the snapshot is a damaged database ({found})")
        position = read_positions(connection).get(subject)
        if position != sequence:
            raise BadSnapshot(f"{part}: the snapshot says position {sequence}, its ha_stats {position}")
        inside = read_membership(connection)
        if inside is None or (inside.cluster_id, inside.epoch) != membership:
            raise BadSnapshot(f"{part}: the snapshot's ha_cluster and its headers disagree ({inside})")
        if not is_settled(connection):
            raise BadSnapshot(f"{part}: the snapshot holds transactions that were never in the log")
    except apsw.Error as error:
        raise BadSnapshot(f"{part}: the snapshot is a damaged database ({error})") from None
    finally:
        connection.close(True)


def swap(path: Path, *, keep: bool) -> Path | None:
    """Put the download in the place of the database at `path`. All connections to that are closed.

    What waits in the old file's outbox and what its ``ha_conflicts`` remember are this node's own: they go along, the
    outbox without its undo, because in the new file nothing of it is applied yet.

    :param keep: keep the old file too, beside, under the name that is returned.
    """
    part = part_of(path)
    there = path.exists() and path.stat().st_size > 0
    _make_ours(part, path if there else None)
    kept = None
    if there:
        _fold(path)
        shutil.copymode(path, part)
        if keep:
            kept = _keep(path)
    os.replace(part, path)
    sync_directory(path.parent)
    return kept


def remove(path: Path) -> None:
    """Remove a database file and what SQLite puts beside it."""
    for suffix in ("-wal", "-shm", "-journal", ""):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def _fold(path: Path) -> None:
    """Bring the write-ahead log of a closed database into its file.

    A log left beside a file that has been replaced would be played into the new one.
    """
    connection = open_writer(str(path), synchronous="FULL")
    try:
        connection.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_TRUNCATE)
    finally:
        connection.close(True)
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    sync_directory(path.parent)


def _make_ours(part: Path, old: Path | None) -> None:
    """Another node made the snapshot: drop its conflicts, and take ours and what of ours still waits."""
    connection = open_writer(str(part), synchronous="FULL")
    try:
        install(connection)
        with connection.guard.trusted():
            if old is not None:
                connection.execute("ATTACH ? AS old", (str(old),))
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("DELETE FROM main.ha_conflicts")
            if old is not None:
                _carry(connection, "ha_conflicts", left_out="")
                _carry(connection, "ha_outbox", left_out="undo")
                if not _is_same_log(connection):
                    _forget_states(connection)
            connection.execute("COMMIT")
            if old is not None:
                connection.execute("DETACH old")
    finally:
        connection.close(True)
    _fold(part)


def _carry(connection: Connection, table: str, left_out: str) -> None:
    found = connection.execute("SELECT name FROM pragma_table_info(?, 'old')", (table,)).fetchall()
    columns = ", ".join(f'"{name}"' for (name,) in found if name != left_out)
    if columns:
        connection.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM old.{table}")


def _is_same_log(connection: Connection) -> bool:
    """Did the old file follow the log that the new one is of? One that was never ours has nothing that waits for any."""
    found = connection.execute("SELECT count(*) FROM pragma_table_info('ha_cluster', 'old')").get
    words = "SELECT cluster_id, epoch FROM {}.ha_cluster"
    return not found or (
        connection.execute(words.format("main")).fetchall() == connection.execute(words.format("old")).fetchall()
    )


def _forget_states(connection: Connection) -> None:
    """A message says at which position it was executed: that of another log must not look like one of this, and 0 is none."""
    for (number,) in connection.execute("SELECT id FROM main.ha_outbox").fetchall():  # one by one: they may be many
        body: Any = connection.execute("SELECT body FROM main.ha_outbox WHERE id = ?", (number,)).get
        told = orjson.dumps(orjson.loads(body) | {"snapshot_seq": 0})
        connection.execute("UPDATE main.ha_outbox SET body = ? WHERE id = ?", (told, number))


def _keep(path: Path) -> Path:
    kept = path.with_name(f"{path.name}.replaced-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
    number = 1
    while kept.exists():
        number += 1
        kept = kept.with_name(f"{kept.name.rsplit('~', 1)[0]}~{number}")
    os.link(path, kept)
    return kept
