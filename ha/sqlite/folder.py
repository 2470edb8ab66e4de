"""The database files this node holds, and who the node is.

A :class:`Folder` is opened once, before anything else touches the files, and held until the process ends. Promises:
every file in it is a database or did not exist and was made; no two have the same subject on the log; no other running
node holds one of them, or the data directory.

The lock of a file is ``flock`` on an empty file beside it (``<database>-lock``): it outlives a rename of the database,
goes with the process whatever way that ends, and passes to the daemon when ``twistd`` forks. The files stay behind;
removing them would let two nodes lock two different files of one name.

The data directory (``ha-data`` beside the first database) holds ``node.json`` (the identity: never in a database,
because a snapshot must not carry another node's name), ``databases.json`` (the files that clients made),
``nats/`` (the embedded server's store) and ``copies/`` (of databases, while somebody downloads them; emptied at every start).
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import apsw

from ha.errors import StatementError
from ha.sqlite.connection import Connection, open_visitor
from ha.sqlite.guard import is_ours

DATA_DIRECTORY: Final = "ha-data"
LOCK_SUFFIX: Final = "-lock"
IDENTITY_FILE: Final = "node.json"
DATABASES_FILE: Final = "databases.json"

#: Characters of a normalised id that are kept: a subject is sent with every message.
SUBJECT_CHARACTERS_MAX: Final = 32

#: Databases of one node: each has a writer, readers and a follower of its own, open all the time.
DATABASES_MAX: Final = 100

#: Bytes of a base name: file systems allow 255, and SQLite and we put suffixes behind it.
NAME_BYTES_MAX: Final = 200

SQLITE_MAGIC: Final = b"SQLite format 3\x00"


class FolderError(Exception):
    """A file or directory cannot be used. The text is one sentence for the operator, the path first."""


class NotADatabase(FolderError):
    """The file exists and is something else."""


class NotWritable(FolderError):
    """The file or its directory cannot be written, or made."""


class Held(FolderError):
    """Another running node holds it."""


class Ambiguous(FolderError):
    """Two files would share one subject on the log, or a name makes no subject."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a node is, for as long as its data directory lives.

    :param id: in every message id; made once.
    :param name: in every message; for people, and theirs to choose.
    """

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Place:
    """One database of the folder.

    :param name: its id in the cluster: the base name of its file.
    :param token: its normalised id, the last part of its subject.
    """

    name: str
    token: str
    path: Path


def normalise(database: str) -> str:
    """The part of a subject that stands for a database id.

    ``.``, ``/``, ``*``, ``>`` and white space become ``_``; then ``_`` is cut from both ends; then the last 32
    characters are kept. Other programs compute the same: this is fixed.
    """
    return re.sub(r"[./*>\s]", "_", database).strip("_")[-SUBJECT_CHARACTERS_MAX:]


class Folder:
    """The databases of one node, locked. Use :meth:`open`; then read :attr:`places`.

    :param data: the data directory; by default beside the first database.
    """

    def __init__(self, data: Path) -> None:
        self.data = data
        self.places: dict[str, Place] = {}
        #: The names of those that clients made.
        self.made: list[str] = []
        self._locks: dict[Path, int] = {}

    @classmethod
    def open(cls, databases: Iterable[str | Path], data: Path | None = None) -> Folder:
        """Lock, check and, where missing, make everything.

        :raises FolderError: something cannot be used; nothing stays locked.
        """
        paths = [Path(path) for path in databases]
        folder = cls(data if data is not None else paths[0].absolute().parent / DATA_DIRECTORY)
        try:
            folder._make_data()
            for path in paths:
                folder.add(path)
            for path in map(Path, _read(folder.data / DATABASES_FILE, [])):
                if path.name not in folder.places:
                    folder.made.append(folder.add(path).name)
        except BaseException:
            folder.close()
            raise
        return folder

    def close(self) -> None:
        """Let go of all locks. The process's end does the same."""
        for descriptor in self._locks.values():
            os.close(descriptor)
        self._locks.clear()
        self.places.clear()

    def add(self, path: str | Path) -> Place:
        """Take one more file into the folder, making it if it does not exist.

        :raises FolderError: it cannot be used.
        """
        # The file itself, not a link to it: two names of one file must meet at one lock.
        path = Path(os.path.realpath(path))
        place = Place(path.name, normalise(path.name), path)
        self._check_name(place)
        if path.is_dir():
            raise NotADatabase(f"{path}: is a directory, not a database")
        self._make_directory(path.parent)
        self._lock(Path(f"{path}{LOCK_SUFFIX}"), path)
        _check_file(path)
        self.places[place.name] = place
        return place

    def create(self, name: str) -> Place:
        """Make a database beside the first one, for as long as nobody drops it: the next start finds it, too.

        :param name: its file's base name; without an ending it gets the first database's.
        :raises FolderError: there is something of that name, or it cannot be made.
        """
        first = next(iter(self.places.values())).path
        path = first.parent / (name if "." in name else name + first.suffix)
        if path.name != path.parts[-1] or "/" in name or name.startswith(".") or not name:
            raise Ambiguous(f"{name!r}: not a file's name")
        if len(self.places) >= DATABASES_MAX:
            raise Ambiguous(f"{path}: a node holds at most {DATABASES_MAX} databases")
        if path.exists():
            raise Held(f"{path}: is there already")
        place = self.add(path)
        self.made.append(place.name)
        self._remember()
        return place

    def drop(self, name: str) -> None:
        """Remove a database that :meth:`create` made; nobody has it open.

        :raises NotWritable: its files cannot be removed.
        """
        place = self.places.pop(name)
        self.made.remove(name)
        self._remember()
        lock = Path(f"{place.path}{LOCK_SUFFIX}")
        try:
            for path in (place.path, Path(f"{place.path}-wal"), Path(f"{place.path}-shm"), lock):
                path.unlink(missing_ok=True)
        except OSError as error:
            raise NotWritable(f"{place.path}: cannot be removed ({error.strerror})") from None
        finally:
            os.close(self._locks.pop(lock))

    def _remember(self) -> None:
        paths = [str(self.places[name].path) for name in self.made]
        _write_durably(self.data / DATABASES_FILE, json.dumps(paths) + "\n")

    def identity(self, name: str | None = None) -> Identity:
        """Who we are; made at the first call in the life of the data directory.

        :param name: what the operator calls the node now. By default the name it had before, else one made of its id.
        :raises NotWritable: it cannot be kept.
        """
        path = self.data / IDENTITY_FILE
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            known: Identity | None = Identity(str(kept["id"]), str(kept["name"]))
        except FileNotFoundError:
            known = None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FolderError(f"{path}: cannot be read as a node's identity ({error})") from None
        unique = known.id if known is not None else uuid.uuid4().hex
        identity = Identity(unique, name or (known.name if known is not None else f"ha-{unique[:8]}"))
        if identity != known:
            _write_durably(path, json.dumps({"id": identity.id, "name": identity.name}) + "\n")
        return identity

    @property
    def nats(self) -> Path:
        """Where an embedded nats-server keeps its streams."""
        return self.data / "nats"

    @property
    def copies(self) -> Path:
        """Where copies of databases lie while they are read."""
        return self.data / "copies"

    def _make_data(self) -> None:
        self.data = Path(os.path.realpath(self.data))
        self._make_directory(self.data)
        self._lock(self.data / "lock", self.data)
        try:
            shutil.rmtree(self.copies, ignore_errors=True)
            self.copies.mkdir(exist_ok=True)
            self.nats.mkdir(exist_ok=True)
        except OSError as error:
            raise NotWritable(f"{self.data}: cannot be written ({error.strerror})") from None

    def _make_directory(self, path: Path) -> None:
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise NotWritable(f"{path}: directory cannot be made ({error.strerror})") from None
        if not os.access(path, os.W_OK | os.X_OK):
            raise NotWritable(f"{path}: directory cannot be written")

    def _check_name(self, place: Place) -> None:
        if not place.token:
            raise Ambiguous(f"{place.path}: the name {place.name!r} makes no subject; rename the file")
        if len(place.name.encode()) > NAME_BYTES_MAX or not place.name.isprintable():
            raise Ambiguous(f"{place.path}: the name is too long or not printable; rename the file")
        for other in self.places.values():
            if other.name == place.name:
                raise Ambiguous(f"{place.path}: the database id {place.name!r} is taken by {other.path}")
            if other.token == place.token:
                raise Ambiguous(f"{place.path}: shares its subject {place.token!r} with {other.path}; rename one")

    def _lock(self, lock: Path, what: Path) -> None:
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise NotWritable(f"{what.parent}: directory cannot be written ({error.strerror})") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise Held(f"{what}: held by a running node") from None
        except OSError as error:
            os.close(descriptor)
            raise NotWritable(f"{lock}: cannot be locked on this file system ({error.strerror})") from None
        self._locks[lock] = descriptor


def has_rows(path: Path) -> bool:
    """Whether somebody would miss this file: a table that is not ours or SQLite's has a row.

    A schema without rows is not somebody's data. What cannot be read counts as rows.
    """
    if not path.exists() or path.stat().st_size == 0:
        return False
    connection = open_visitor(str(path))
    try:
        with connection.guard.trusted():
            tables = connection.execute(
                "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual')"
            ).fetchall()
            names = [str(name) for (name,) in tables]
            return any(
                _has_row(connection, name)
                for name in names
                if not is_ours(name) and not name.lower().startswith("sqlite_")
            )
    finally:
        connection.close()


def _has_row(connection: Connection, table: str) -> bool:
    quoted = '"' + table.replace('"', '""') + '"'
    try:
        return connection.execute(f"SELECT 1 FROM main.{quoted} LIMIT 1").get is not None
    except apsw.Error:
        return True


def _check_file(path: Path) -> None:
    """`path` is a database that we may write to, or is made as one, empty."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise NotWritable(f"{path}: cannot be written ({error.strerror})") from None
    try:
        head = os.read(descriptor, len(SQLITE_MAGIC))
    finally:
        os.close(descriptor)
    if head and head != SQLITE_MAGIC:
        raise NotADatabase(f"{path}: is not a SQLite database")
    connection = open_visitor(str(path))
    try:
        connection.guard.tolerate(connection)
        connection.guard.inspect(connection)
    except StatementError as error:
        raise FolderError(f"{path}: {error.message}; this can crash SQLite") from None
    except (apsw.NotADBError, apsw.CorruptError) as error:
        raise NotADatabase(f"{path}: is damaged or not a SQLite database ({error})") from None
    except (apsw.BusyError, apsw.LockedError):
        raise Held(f"{path}: is in use by another program") from None
    except apsw.Error as error:
        raise FolderError(f"{path}: cannot be opened ({error})") from None
    finally:
        connection.close()


def _read(path: Path, otherwise: Any) -> Any:
    """A JSON file of ours; `otherwise` where there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return otherwise
    except (OSError, ValueError) as error:
        raise FolderError(f"{path}: cannot be read ({error})") from None


def _write_durably(path: Path, text: str) -> None:
    """The whole text or the old file, whatever happens."""
    part = path.with_name(path.name + ".part")
    try:
        with open(part, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
        sync_directory(path.parent)
    except OSError as error:
        raise NotWritable(f"{path}: cannot be written ({error.strerror})") from None


def sync_directory(path: Path) -> None:
    """A rename in this directory is on the disk when this returns."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
