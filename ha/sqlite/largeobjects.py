"""Large objects: bytes under a number, read and written a piece at a time, in a table of the file.

PostgreSQL keeps them in ``pg_largeobject``, in pages of 2 kB; here the same pages are rows of ::

    CREATE TABLE "large objects" (loid, pageno, data, PRIMARY KEY (loid, pageno))

an ordinary table, made by the first statement that writes one (:data:`DEFINITION`, in its transaction). So snapshots, the log and the
feed of changes know nothing of them. An object is there as long as its page 0 is, which may be empty; a page that is missing or short
stands for zeros, but for the last one, whose end is the object's.

Descriptors are numbers that a client has for places in objects, until its transaction ends. They are in
:attr:`ha.sqlite.functions.Context.objects`, which whoever runs the statement puts back where it must run again.

https://www.postgresql.org/docs/15/lo-interfaces.html
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import apsw

from ha.errors import StatementError
from ha.sqlite.bytestrings import of_bytes
from ha.sqlite.casts import pg_int8
from ha.sqlite.texts import RESULT_MAX

if TYPE_CHECKING:
    from ha.sqlite.connection import Connection
    from ha.sqlite.functions import Context

TABLE: Final = "large objects"
_COLUMNS: Final = "(loid INTEGER NOT NULL, pageno INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (loid, pageno))"
#: What makes the table where it is missing.
DEFINITION: Final = f'CREATE TABLE IF NOT EXISTS "{TABLE}" {_COLUMNS}'

#: Bytes of a page: PostgreSQL's LOBLKSIZE, and the table is what ``pg_largeobject`` shows.
PAGE_BYTES: Final = 2048
#: Bytes of an object: as PostgreSQL, whose page numbers have 31 bits.
OBJECT_BYTES_MAX: Final = (2**31 - 1) * PAGE_BYTES
#: Descriptors of one client's transaction; PostgreSQL has no limit but its memory.
DESCRIPTORS_MAX: Final = 1_000

#: Numbers for objects are drawn, because several nodes give them: from the first that PostgreSQL gives to a client's, and no
#: further than a signed number of 32 bits goes, which some clients keep them in.
_FIRST, _LAST = 16_384, 2**31 - 1

INV_WRITE, INV_READ = 0x20000, 0x40000


class Descriptor(NamedTuple):
    """A place in an object.

    :param offset: in bytes.
    """

    loid: int
    writes: bool
    offset: int = 0


def is_one(table: str, sql: str) -> bool:
    """Is it the table of large objects?"""
    return table == TABLE and sql.endswith(_COLUMNS)


def is_there(connection: Connection) -> bool:
    """Has anybody written a large object?

    :raises StatementError: 42P07, the table's name is another's.
    """
    sql: str | None = connection.remembered((TABLE,), lambda: _definition(connection))
    if sql and not is_one(TABLE, sql):
        raise StatementError("42P07", f'relation "{TABLE}" already exists', hint="It is in the way of large objects.")
    return bool(sql)


def _definition(connection: Connection) -> str:
    with connection.guard.trusted():
        return connection.execute("SELECT sql FROM main.sqlite_schema WHERE name = ?", (TABLE,)).get or ""


def numbers(connection: Connection) -> Iterator[int]:
    """The large objects that there are."""
    if is_there(connection):
        with connection.guard.trusted():
            cursor = connection.execute(f'SELECT loid FROM main."{TABLE}" WHERE pageno = 0')
        yield from (loid for (loid,) in cursor)


def pages(connection: Connection) -> Iterator[tuple[int, int, bytes]]:
    """The pages with something in them."""
    if is_there(connection):
        with connection.guard.trusted():
            cursor = connection.execute(f"SELECT loid, pageno, data FROM main.\"{TABLE}\" WHERE data <> x''")
        yield from cursor


class LargeObjects:
    """The functions, for one connection.

    :param connection: asked and written to; whose `context` holds the client's descriptors.
    """

    def __init__(self, connection: Connection, context: Context) -> None:
        self._connection = connection
        self._context = context

    # Descriptors

    def open(self, loid: Any, mode: Any) -> int:
        """A descriptor at the object's beginning."""
        number, flags = _number(loid), _whole(mode)
        if not flags & (INV_READ | INV_WRITE):
            raise StatementError("22023", f"invalid flags for opening a large object: {flags}")
        self._require(number)
        return self._open(Descriptor(number, bool(flags & INV_WRITE)))

    def _open(self, one: Descriptor) -> int:
        known = self._context.objects
        descriptor = next(at for at in range(len(known) + 1) if at not in known)
        if descriptor >= DESCRIPTORS_MAX:
            raise StatementError("53400", f"a transaction has at most {DESCRIPTORS_MAX} large objects open")
        known[descriptor] = one
        return descriptor

    def close(self, descriptor: int) -> int:
        """Forget it."""
        self._at(descriptor)
        del self._context.objects[descriptor]
        return 0

    def read(self, descriptor: int, length: Any) -> bytes:
        """The next bytes, fewer where the object ends."""
        one = self._at(descriptor)
        found = self._read(one.loid, one.offset, max(_whole(length), 0))
        self._move(descriptor, one.offset + len(found))
        return found

    def write(self, descriptor: int, data: Any) -> int:
        """Put bytes where the descriptor is, over what is there."""
        one = self._at(descriptor, writes=True)
        raw = of_bytes(data)
        self._write(one.loid, one.offset, raw, "lowrite")
        self._move(descriptor, one.offset + len(raw))
        return len(raw)

    def seek(self, descriptor: int, offset: Any, whence: Any, *, wide: bool) -> int:
        """Go to a place, counted from the beginning, from here, or from the end.

        :param wide: its number may have more than 32 bits.
        """
        one, by, start = self._at(descriptor), _whole(offset), _whole(whence)
        if start not in (os.SEEK_SET, os.SEEK_CUR, os.SEEK_END):
            raise StatementError("22023", f"invalid whence setting: {start}")
        target = by + (one.offset if start == os.SEEK_CUR else self._size(one.loid) if start == os.SEEK_END else 0)
        if not 0 <= target <= OBJECT_BYTES_MAX:
            raise StatementError("22023", f"invalid large object seek target: {target}")
        found = _fitting(target, descriptor, "lo_lseek", wide)
        self._move(descriptor, target)
        return found

    def tell(self, descriptor: int, *, wide: bool) -> int:
        """Where it is."""
        return _fitting(self._at(descriptor).offset, descriptor, "lo_tell", wide)

    def truncate(self, descriptor: int, length: Any) -> int:
        """Let the object end at `length`; what is new of it is zeros."""
        one, size = self._at(descriptor, writes=True), _whole(length)
        if not 0 <= size <= OBJECT_BYTES_MAX:
            raise StatementError("22023", f"invalid large object truncation target: {size}")
        page, rest = divmod(size, PAGE_BYTES)
        kept = self._page(one.loid, page) or b""
        self._change("DELETE FROM main.{} WHERE loid = ? AND pageno > ?", (one.loid, page), "lo_truncate")
        self._put(one.loid, page, kept[:rest].ljust(rest, b"\0"), "lo_truncate")
        return 0

    def _at(self, descriptor: int, *, writes: bool = False) -> Descriptor:
        one = self._context.objects.get(descriptor)
        if one is None:
            raise StatementError("42704", f"invalid large-object descriptor: {descriptor}")
        if writes and not one.writes:
            raise StatementError("55000", f"large object descriptor {descriptor} was not opened for writing")
        return one

    def _move(self, descriptor: int, offset: int) -> None:
        known = self._context.objects
        known[descriptor] = known[descriptor]._replace(offset=offset)

    # Objects

    def create(self, loid: Any) -> int:
        """An empty object.

        :param loid: its number; 0 for any.
        """
        number = _number(loid)
        if number == 0:
            number = self._unused()
        elif self._exists(number):
            raise StatementError(
                "23505",
                'duplicate key value violates unique constraint "pg_largeobject_metadata_oid_index"',
                detail=f"Key (oid)=({number}) already exists.",
            )
        self._put(number, 0, b"", "lo_create")
        return number

    def _unused(self) -> int:
        while True:
            number = _FIRST + int.from_bytes(os.urandom(8)) % (_LAST - _FIRST + 1)
            if not self._exists(number):
                return number

    def unlink(self, loid: Any) -> int:
        """Remove it, and close what is open of it."""
        number = _number(loid)
        self._require(number)
        self._change("DELETE FROM main.{} WHERE loid = ?", (number,), "lo_unlink")
        known = self._context.objects
        for descriptor in [at for at, one in known.items() if one.loid == number]:
            del known[descriptor]
        return 1

    def from_bytea(self, loid: Any, data: Any) -> int:
        """An object with these bytes."""
        number = self.create(loid)
        self._write(number, 0, of_bytes(data), "lo_from_bytea")
        return number

    def get(self, loid: Any, offset: Any = 0, length: Any = None) -> bytes:
        """Bytes of it: all, or so many from `offset`."""
        number, first = _number(loid), _whole(offset)
        self._require(number)
        if length is not None and _whole(length) < 0:
            raise StatementError("22023", "requested length cannot be negative")
        if not 0 <= first <= OBJECT_BYTES_MAX:
            raise StatementError("22023", f"invalid large object seek target: {first}")
        return self._read(number, first, OBJECT_BYTES_MAX if length is None else _whole(length))

    def put(self, loid: Any, offset: Any, data: Any) -> str:
        """Put bytes at `offset`, over what is there."""
        number, first = _number(loid), _whole(offset)
        self._require(number)
        if not 0 <= first <= OBJECT_BYTES_MAX:
            raise StatementError("22023", f"invalid large object seek target: {first}")
        self._write(number, first, of_bytes(data), "lo_put")
        return ""

    # Pages

    def _asked(self, sql: str, values: tuple[Any, ...]) -> apsw.Cursor:
        return self._connection.execute(sql.format(f'"{TABLE}"'), values)

    def _exists(self, loid: int) -> bool:
        return self._page(loid, 0) is not None

    def _require(self, loid: int) -> None:
        if not self._exists(loid):
            raise StatementError("42704", f"large object {loid} does not exist")

    def _page(self, loid: int, page: int) -> bytes | None:
        if not is_there(self._connection):
            return None
        with self._connection.guard.trusted():
            return self._asked("SELECT data FROM main.{} WHERE loid = ? AND pageno = ?", (loid, page)).get  # type: ignore[no-any-return]

    def _size(self, loid: int) -> int:
        if not is_there(self._connection):
            return 0
        with self._connection.guard.trusted():
            last = self._asked(
                f"SELECT pageno * {PAGE_BYTES} + length(data) FROM main.{{}} WHERE loid = ? ORDER BY pageno DESC LIMIT 1",
                (loid,),
            )
            return last.get or 0

    def _read(self, loid: int, offset: int, length: int) -> bytes:
        length = min(length, self._size(loid) - offset)
        if length <= 0:
            return b""
        if length > RESULT_MAX:
            raise StatementError(
                "54000", "large object read request is too large", hint=f"Read {RESULT_MAX} bytes at a time."
            )
        end = offset + length
        found = bytearray(length)
        with self._connection.guard.trusted():
            for page, data in self._asked(
                "SELECT pageno, data FROM main.{} WHERE loid = ? AND pageno BETWEEN ? AND ?",
                (loid, offset // PAGE_BYTES, (end - 1) // PAGE_BYTES),
            ):
                start = page * PAGE_BYTES
                piece = data[max(offset - start, 0) : end - start]
                at = max(start - offset, 0)
                found[at : at + len(piece)] = piece
        return bytes(found)

    def _write(self, loid: int, offset: int, data: bytes, function: str) -> None:
        end = offset + len(data)
        if end > OBJECT_BYTES_MAX:
            raise StatementError("22023", f"invalid large object write request size: {len(data)}")
        for page in range(offset // PAGE_BYTES, -(-end // PAGE_BYTES)):
            start = page * PAGE_BYTES
            piece = data[max(start - offset, 0) : start - offset + PAGE_BYTES]
            first = max(offset - start, 0)
            if len(piece) < PAGE_BYTES:
                kept = self._page(loid, page) or b""
                piece = kept[:first].ljust(first, b"\0") + piece + kept[first + len(piece) :]
            if piece:
                self._put(loid, page, piece, function)

    def _put(self, loid: int, page: int, data: bytes, function: str) -> None:
        self._change(
            "INSERT INTO main.{} VALUES (?, ?, ?) ON CONFLICT (loid, pageno) DO UPDATE SET data = excluded.data",
            (loid, page, data),
            function,
        )

    def _change(self, sql: str, values: tuple[Any, ...], function: str) -> None:
        try:
            with self._connection.guard.trusted():
                self._asked(sql, values)
        except apsw.ReadOnlyError:
            raise StatementError("25006", f"cannot execute {function}() in a read-only transaction") from None


def _number(loid: Any) -> int:
    """An object's number."""
    number = _whole(loid)
    if not -(2**31) <= number < 2**32:
        raise StatementError("22003", f'value "{loid}" is out of range for type oid')
    return number % 2**32


def _whole(value: Any) -> int:
    number = pg_int8(value)
    assert number is not None, "functions of large objects are strict"
    return number


def _fitting(offset: int, descriptor: int, function: str, wide: bool) -> int:
    if not wide and offset >= 2**31:
        raise StatementError("22003", f"{function} result out of range for large-object descriptor {descriptor}")
    return offset


def _refused(function: str) -> Callable[..., Any]:
    def refuse(*_: Any) -> Any:
        raise StatementError(
            "42501", f"permission denied for function {function}", hint="Files of the server are out of reach."
        )

    return refuse


def rows(objects: Callable[[], LargeObjects]) -> list[tuple[str, int, Callable[..., Any]]]:
    """Name, number of arguments and function, as :mod:`ha.sqlite.functions` registers them; a NULL makes each NULL."""
    known: list[tuple[str, int, Callable[..., Any]]] = [
        ("lo_open", 2, lambda *given: objects().open(*given)),
        ("lo_close", 1, lambda at, *given: objects().close(_whole(at), *given)),
        ("loread", 2, lambda at, *given: objects().read(_whole(at), *given)),
        ("lowrite", 2, lambda at, *given: objects().write(_whole(at), *given)),
        ("lo_lseek", 3, lambda at, *given: objects().seek(_whole(at), *given, wide=False)),
        ("lo_lseek64", 3, lambda at, *given: objects().seek(_whole(at), *given, wide=True)),
        ("lo_tell", 1, lambda at, *given: objects().tell(_whole(at), *given, wide=False)),
        ("lo_tell64", 1, lambda at, *given: objects().tell(_whole(at), *given, wide=True)),
        ("lo_truncate", 2, lambda at, *given: objects().truncate(_whole(at), *given)),
        ("lo_truncate64", 2, lambda at, *given: objects().truncate(_whole(at), *given)),
        ("lo_creat", 1, lambda mode: objects().create(0)),
        ("lo_create", 1, lambda *given: objects().create(*given)),
        ("lo_unlink", 1, lambda *given: objects().unlink(*given)),
        ("lo_from_bytea", 2, lambda *given: objects().from_bytea(*given)),
        ("lo_get", 1, lambda *given: objects().get(*given)),
        ("lo_get", 3, lambda *given: objects().get(*given)),
        ("lo_put", 3, lambda *given: objects().put(*given)),
    ]
    known += [(name, count, _refused(name)) for name, count in (("lo_import", 1), ("lo_import", 2), ("lo_export", 2))]
    return [(name, count, _strict(function)) for name, count, function in known]


def _strict(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *given: None if None in given else function(*given)
