"""COPY's three formats: a stream of bytes to rows, and rows to a stream. [pure]

https://www.postgresql.org/docs/15/sql-copy.html#id-1.9.3.55.9. Readers are fed pieces cut anywhere and give the rows that are
complete; what they hold back is less than one row, and a row is limited. A field is text (``str``) in the text and csv formats, bytes
in the binary one, None for NULL; types are the session's business.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Protocol

from ha.errors import StatementError
from ha.sql.kinds import Copy
from ha.values import Row, Value

Field = str | bytes | None
Fields = list[Field]

#: One row of a COPY, in bytes or characters: a stream without line ends must not grow for ever.
ROW_BYTES_MAX = 128 * 1024 * 1024

SIGNATURE = b"PGCOPY\n\xff\r\n\0"
_HEADER = SIGNATURE + b"\0\0\0\0" + b"\0\0\0\0"
_TRAILER = b"\xff\xff"


class Reader(Protocol):
    """Bytes in, rows out."""

    def feed(self, data: bytes) -> list[Fields]:
        """The rows that `data` completes. :raises StatementError: 22P04, 22021."""

    def finish(self) -> list[Fields]:
        """The stream is over: what was left, if it is a whole row."""


def reader(options: Copy, columns: Sequence[str]) -> Reader:
    """The reader for COPY … FROM STDIN with these options."""
    if options.format == "binary":
        return BinaryReader(len(columns))
    if options.format == "csv":
        return CsvReader(options, columns)
    return TextReader(options, len(columns))


def _utf8(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        wrong = " ".join(f"0x{byte:02x}" for byte in raw[error.start : error.start + 4])
        raise StatementError("22021", f'invalid byte sequence for encoding "UTF8": {wrong}') from None


def _width(fields: Fields, width: int, line: int) -> Fields:
    if len(fields) < width:
        raise StatementError("22P04", f"missing data for column {len(fields) + 1}", detail=f"COPY line {line}")
    if len(fields) > width:
        raise StatementError("22P04", "extra data after last expected column", detail=f"COPY line {line}")
    return fields


_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{1,2}|[0-7]{1,3}|.)", re.DOTALL)
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def _unescape(match: re.Match[str]) -> str:
    code = match[1]
    if code[0] == "x" and len(code) > 1:
        return chr(int(code[1:], 16))
    return chr(int(code, 8) & 0xFF) if code[0] in "01234567" else _ESCAPES.get(code, code)


class TextReader:
    """One line a row; backslash escapes; ``\\.`` ends it."""

    def __init__(self, options: Copy, width: int) -> None:
        self._delimiter = options.delimiter
        self._null = options.null
        self._width = width
        self._left = b""
        self._line = 0
        self._ended = False
        self._header = options.header

    def feed(self, data: bytes) -> list[Fields]:
        if self._ended:
            return []
        data = self._left + data
        cut = data.rfind(b"\n") + 1
        # A line break behind a backslash is part of a field, in the writing of very old dumps.
        self._left = data[cut:]
        if len(self._left) > ROW_BYTES_MAX:
            raise StatementError("54000", f"a row of COPY is longer than {ROW_BYTES_MAX} bytes")
        return self._rows(data[:cut]) if cut else []

    def finish(self) -> list[Fields]:
        left, self._left = self._left, b""
        return self._rows(left) if left and not self._ended else []

    def _rows(self, data: bytes) -> list[Fields]:
        text = _utf8(data)
        lines = text.split("\n")
        if not lines[-1]:
            del lines[-1]
        if not (self._header or "\\" in text or "\r" in text or "\\" not in self._null):
            # Nothing is escaped, nothing is NULL: most data is so.
            plain: list[Fields] = [line.split(self._delimiter) for line in lines]
            if set(map(len, plain)) == {self._width}:
                self._line += len(plain)
                return plain
        rows: list[Fields] = []
        for line in lines:
            self._line += 1
            if line.endswith("\r"):
                line = line[:-1]
            if line == "\\.":
                self._ended = True
                break
            if self._header:
                self._header = False
                continue
            if not line and self._width == 0:
                rows.append([])
                continue
            rows.append(_width([self._value(part) for part in self._split(line)], self._width, self._line))
        return rows

    def _split(self, line: str) -> list[str]:
        parts = line.split(self._delimiter)
        if "\\" + self._delimiter not in line:
            return parts
        joined: list[str] = []
        for part in parts:
            last = joined[-1] if joined else ""
            if joined and (len(last) - len(last.rstrip("\\"))) % 2:
                joined[-1] = last + self._delimiter + part
            else:
                joined.append(part)
        return joined

    def _value(self, part: str) -> str | None:
        if part == self._null:
            return None
        return _ESCAPE.sub(_unescape, part) if "\\" in part else part


class CsvReader:
    """Quoted fields may hold delimiters, quotes and line breaks; an unquoted empty field is NULL unless told otherwise."""

    def __init__(self, options: Copy, columns: Sequence[str]) -> None:
        self._delimiter, self._quote, self._escape, self._null = (
            options.delimiter,
            options.quote,
            options.escape,
            options.null,
        )
        self._force_null = _chosen(options.force_null, columns)
        self._force_not_null = _chosen(options.force_not_null, columns)
        self._width = len(columns)
        self._header = options.header
        self._left = bytearray()
        self._scanned = 0
        self._inside = False
        self._line = 0
        self._ended = False
        quote, escape = re.escape(options.quote.encode()), re.escape(options.escape.encode())
        # With another escape, what it escapes does not count as a quote.
        self._own_escape = options.escape.encode() if options.escape != options.quote else b""
        self._marks = re.compile((escape + b".|" if self._own_escape else b"") + quote + b"|\n", re.DOTALL)

    def feed(self, data: bytes) -> list[Fields]:
        if self._ended:
            return []
        left = self._left
        left += data
        rows: list[Fields] = []
        start = 0
        end = self._scanned
        quote = self._quote.encode()
        for match in self._marks.finditer(left, self._scanned):
            found = match[0]
            end = match.end()
            if found == b"\n":
                if not self._inside:
                    self._row(_utf8(bytes(left[start : end - 1])), rows)
                    start = end
                    if self._ended:
                        return rows
            elif found == quote:
                self._inside = not self._inside
        # What was looked at is not looked at again, but for an escape that waits for its character.
        waits = self._own_escape and end < len(left) and left.endswith(self._own_escape)
        self._scanned = len(left) - start - (1 if waits else 0)
        del left[:start]
        if len(left) > ROW_BYTES_MAX:
            raise StatementError("54000", f"a row of COPY is longer than {ROW_BYTES_MAX} bytes")
        return rows

    def finish(self) -> list[Fields]:
        rows: list[Fields] = []
        if self._left and not self._ended:
            if self._inside:
                raise StatementError("22P04", "unterminated CSV quoted field", detail=f"COPY line {self._line + 1}")
            self._row(_utf8(bytes(self._left)), rows)
        return rows

    def _row(self, line: str, rows: list[Fields]) -> None:
        self._line += 1
        if line.endswith("\r"):
            line = line[:-1]
        if line == "\\.":
            self._ended = True
            return
        if self._header:
            self._header = False
            return
        rows.append(_width(self._fields(line), self._width, self._line))

    def _fields(self, line: str) -> Fields:
        fields: Fields = []
        if self._quote not in line:
            for index, part in enumerate(line.split(self._delimiter)):
                fields.append(self._value(part, False, index))
            return fields
        at, end = 0, len(line)
        token: list[str] = []
        quoted = inside = False
        while at < end:
            char = line[at]
            if inside:
                if char == self._escape and line[at + 1 : at + 2] in (self._quote, self._escape) and at + 1 < end:
                    at += 1
                    token.append(line[at])
                elif char == self._quote:
                    inside = False
                else:
                    token.append(char)
            elif char == self._quote:
                inside = quoted = True
            elif char == self._delimiter:
                fields.append(self._value("".join(token), quoted, len(fields)))
                token, quoted = [], False
            else:
                token.append(char)
            at += 1
        fields.append(self._value("".join(token), quoted, len(fields)))
        return fields

    def _value(self, part: str, quoted: bool, index: int) -> str | None:
        if part == self._null:
            if quoted:
                return None if index in self._force_null else part
            return part if index in self._force_not_null else None
        return part


class BinaryReader:
    """A signature, then rows of counted fields, then -1."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._left = bytearray()
        self._begun = self._ended = False
        self._row = 0

    def feed(self, data: bytes) -> list[Fields]:
        if self._ended:
            return []
        left = self._left
        left += data
        at = 0
        if not self._begun:
            if not SIGNATURE.startswith(bytes(left[: len(SIGNATURE)])):
                raise StatementError("22P04", "COPY file signature not recognized")
            if len(left) < len(_HEADER):
                return []
            flags, extra = (int.from_bytes(left[start : start + 4], "big") for start in (11, 15))
            if flags & ~(1 << 16) or extra > 1024:
                raise StatementError("22P04", "unrecognized critical flags in COPY file header")
            if len(left) < len(_HEADER) + extra:
                return []
            at = len(_HEADER) + extra
            self._begun = True
        rows: list[Fields] = []
        view = bytes(left)
        while not self._ended:
            row, after = self._next(view, at)
            if row is None:
                break
            at = after
            if not self._ended:
                rows.append(row)
        del left[:at]
        if len(left) > ROW_BYTES_MAX:
            raise StatementError("54000", f"a row of COPY is longer than {ROW_BYTES_MAX} bytes")
        return rows

    def _next(self, view: bytes, at: int) -> tuple[Fields | None, int]:
        """The row at `at` and where the next one starts; None while it is incomplete."""
        if len(view) - at < 2:
            return None, at
        count = int.from_bytes(view[at : at + 2], "big", signed=True)
        at += 2
        if count == -1:
            self._ended = True
            return [], at
        if count != self._width:
            raise StatementError("22P04", f"row field count is {count}, expected {self._width}")
        fields: Fields = []
        for _ in range(count):
            if len(view) - at < 4:
                return None, at
            length = int.from_bytes(view[at : at + 4], "big", signed=True)
            at += 4
            if length < 0:
                if length != -1:
                    raise StatementError("22P04", "invalid field size")
                fields.append(None)
                continue
            if length > ROW_BYTES_MAX:
                raise StatementError("54000", f"a row of COPY is longer than {ROW_BYTES_MAX} bytes")
            if len(view) - at < length:
                return None, at
            fields.append(view[at : at + length])
            at += length
        self._row += 1
        return fields, at

    def finish(self) -> list[Fields]:
        if self._left:
            raise StatementError("22P04", "unexpected EOF in COPY data")
        return []


def _chosen(names: tuple[str, ...], columns: Sequence[str]) -> frozenset[int]:
    """The positions of the named columns; ``*`` means all."""
    if "*" in names:
        return frozenset(range(len(columns)))
    return frozenset(index for index, name in enumerate(columns) if name in names)


# --- out --------------------------------------------------------------------------------------------------------------

Encoder = Callable[[Value], bytes]


class Writer:
    """Rows to the pieces of COPY … TO STDOUT, one piece a row.

    :param encoders: a value that is not None to its text or binary form, one for each column.
    """

    def __init__(self, options: Copy, columns: Sequence[str], encoders: Sequence[Encoder]) -> None:
        self._options = options
        self._columns = columns
        self._encoders = list(encoders)
        self._count = len(encoders).to_bytes(2, "big")
        self._delimiter = options.delimiter.encode()
        self._null = options.null.encode()
        self._forced = _chosen(options.force_quote, columns)
        marks = "\r\n" + options.quote + options.escape if options.format == "csv" else "\\\b\f\n\r\t\v"
        self._before = b""
        self._special = re.compile("[" + re.escape(marks + options.delimiter) + "]")

    def head(self) -> list[bytes]:
        """What comes before the rows."""
        if self._options.format == "binary":
            # PostgreSQL sends it together with what comes next, and clients expect it there.
            self._before = _HEADER
            return []
        if not self._options.header:
            return []
        return [self._delimiter.join(self._cell(name.encode(), -1) for name in self._columns) + b"\n"]

    def tail(self) -> list[bytes]:
        """What comes after them."""
        return [self._before + _TRAILER] if self._options.format == "binary" else []

    def row(self, row: Row) -> bytes:
        """One row."""
        if self._options.format == "binary":
            parts = [self._before, self._count]
            self._before = b""
            for value, encode in zip(row, self._encoders, strict=True):
                if value is None:
                    parts.append(b"\xff\xff\xff\xff")
                else:
                    raw = encode(value)
                    parts.append(len(raw).to_bytes(4, "big") + raw)
            return b"".join(parts)
        cells = [
            self._null if value is None else self._cell(encode(value), index)
            for index, (value, encode) in enumerate(zip(row, self._encoders, strict=True))
        ]
        return self._delimiter.join(cells) + b"\n"

    def _cell(self, raw: bytes, index: int) -> bytes:
        text = raw.decode("utf-8", "surrogatepass")
        options = self._options
        if options.format != "csv":
            if self._special.search(text) is None:
                return raw
            return self._special.sub(_escaped, text).encode("utf-8", "surrogatepass")
        lone = text == "\\." and len(self._columns) == 1
        if index in self._forced or text == options.null or lone or self._special.search(text) is not None:
            quote, escape = options.quote, options.escape
            if escape != quote:
                text = text.replace(escape, escape + escape)
            text = quote + text.replace(quote, escape + quote) + quote
        return text.encode("utf-8", "surrogatepass")


_WRITTEN = {"\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}


def _escaped(match: re.Match[str]) -> str:
    return _WRITTEN.get(match[0], "\\" + match[0])
