"""COPY's formats: rows in and out, however the stream is cut."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.postgres import copy
from ha.postgres.encoding import binary_encoder, text_encoder
from ha.postgres.pgtypes import INT8, TEXT_OID
from ha.sql.kinds import Copy


def options(format: str = "text", **given: Any) -> Copy:
    """Options of a COPY as the parser makes them."""
    if format == "csv":
        given = {"delimiter": ",", "null": "", **given}
    return Copy("t", (), None, False, format=format, **given)


def read(how: Copy, columns: tuple[str, ...], data: bytes, pieces: int) -> list[copy.Fields]:
    """All rows of a stream fed `pieces` bytes at a time."""
    reader = copy.reader(how, columns)
    rows: list[copy.Fields] = []
    for at in range(0, len(data), pieces):
        rows += reader.feed(data[at : at + pieces])
    return rows + reader.finish()


class ReaderTests(SynchronousTestCase):
    """Streams from clients."""

    def assert_read(self, how: Copy, width: int, data: bytes, rows: list[copy.Fields]) -> None:
        columns = tuple("abcdef"[:width])
        for pieces in (len(data), 1, 3):
            self.assertEqual(read(how, columns, data, pieces), rows, f"{pieces} bytes at a time")

    def assert_refused(self, how: Copy, width: int, data: bytes, sqlstate: str) -> None:
        for pieces in (len(data), 1):
            error = self.assertRaises(StatementError, read, how, tuple("abcdef"[:width]), data, pieces)
            self.assertEqual(error.sqlstate, sqlstate)

    def test_text(self) -> None:
        """Tabs between fields, a backslash before what is special, \\N for NULL."""
        self.assert_read(
            options(), 2, b"1\tx\n\\N\t\n3\ta\\tb\\\\c\\nd\\x41\\101\\q\n4\t\xc3\xa9",
            [["1", "x"], [None, ""], ["3", "a\tb\\c\ndAAq"], ["4", "é"]],
        )  # fmt: skip

    def test_text_with_carriage_returns_and_its_end_mark(self) -> None:
        """Windows line ends; nothing after ``\\.`` counts."""
        self.assert_read(options(), 1, b"1\r\n2\r\n\\.\r\nrubbish\n", [["1"], ["2"]])

    def test_an_escaped_delimiter_is_data(self) -> None:
        """With another delimiter, too."""
        self.assert_read(options(delimiter="|"), 2, b"a\\|b|c\n\\\\|d\n", [["a|b", "c"], ["\\", "d"]])

    def test_an_empty_line_is_an_empty_text(self) -> None:
        """One column, nothing in it: not NULL."""
        self.assert_read(options(), 1, b"\n", [[""]])

    def test_csv(self) -> None:
        """Quotes hold delimiters, quotes and line breaks; nothing at all is NULL, an empty quoted field is not."""
        self.assert_read(
            options("csv"), 3, b'1,"a ""b"", c\nd",x\n,"",\n"2" ,y"z"q,\xc3\xa9',
            [["1", 'a "b", c\nd', "x"], [None, "", None], ["2 ", "yzq", "é"]],
        )  # fmt: skip

    def test_csv_with_a_header_and_other_marks(self) -> None:
        """The first line is passed over; quote, escape and delimiter may be others."""
        how = options("csv", header=True, delimiter=";", quote="'", escape="\\", null="nil")
        self.assert_read(how, 2, b"a;b\n'it\\'s';nil\n'nil';'x\ny\\\\'\n", [["it's", None], ["nil", "x\ny\\"]])

    def test_csv_forced_null_and_not_null(self) -> None:
        """FORCE_NULL makes quoted empty fields NULL, FORCE_NOT_NULL leaves unquoted ones empty."""
        how = options("csv", force_null=("a",), force_not_null=("b",))
        self.assert_read(how, 3, b'"",,\n', [[None, "", None]])

    def test_binary(self) -> None:
        """A signature, counted fields, an end."""
        data = copy.SIGNATURE + bytes(8) + b"\0\2\0\0\0\1x\xff\xff\xff\xff" + b"\0\2\0\0\0\0\0\0\0\2yz" + b"\xff\xff"
        self.assert_read(options("binary"), 2, data, [[b"x", None], [b"", b"yz"]])

    def test_rows_of_another_width(self) -> None:
        """Too few and too many fields."""
        self.assert_refused(options(), 2, b"1\n", "22P04")
        self.assert_refused(options(), 1, b"1\t2\n", "22P04")
        self.assert_refused(options("csv"), 2, b"1\n", "22P04")
        self.assert_refused(options("binary"), 1, copy.SIGNATURE + bytes(8) + b"\0\2", "22P04")

    def test_streams_that_are_none(self) -> None:
        """Bytes that are no text, a quote without end, another file, a file cut short."""
        self.assert_refused(options(), 1, b"\xff\n", "22021")
        self.assert_refused(options("csv"), 1, b'"abc\n', "22P04")
        self.assert_refused(options("binary"), 1, b"PGCOPX" + bytes(30), "22P04")
        self.assert_refused(options("binary"), 1, copy.SIGNATURE + bytes(8) + b"\0\1\0\0\0\7x", "22P04")
        self.assert_refused(options("binary"), 1, copy.SIGNATURE + bytes(8) + b"\0\1\xff\xff\xff\0", "22P04")

    def test_a_row_without_end(self) -> None:
        """A limit, before the memory ends."""
        self.patch(copy, "ROW_BYTES_MAX", 1000)
        for how, start in ((options(), b""), (options("csv"), b'"'), (options("csv"), b"")):
            reader = copy.reader(how, ("a",))
            reader.feed(start)
            error = self.assertRaises(StatementError, reader.feed, b"x" * 1001)
            self.assertEqual(error.sqlstate, "54000")


class WriterTests(SynchronousTestCase):
    """Streams to clients, which the readers read back."""

    ROWS = [(1, "x"), (None, None), (-7, 'a\tb\\c\nd\re,"f"'), (2, ""), (3, "\\N"), (4, "é"), (5, "\\.")]

    def written(self, how: Copy) -> bytes:
        one = binary_encoder if how.format == "binary" else text_encoder
        writer = copy.Writer(how, ["a", "b"], [one(INT8), one(TEXT_OID)])
        return b"".join([*writer.head(), *map(writer.row, self.ROWS), *writer.tail()])

    def test_what_is_written_is_read(self) -> None:
        """In every format the same rows come back."""
        for how in (
            options(),
            options(delimiter="|", null="nil"),
            options("csv"),
            options("csv", header=True, delimiter=";", quote="'", escape="\\", null="nil", force_quote=("*",)),
        ):
            rows = read(how, ("a", "b"), self.written(how), 5)
            self.assertEqual(rows, [[None if a is None else str(a), b] for a, b in self.ROWS], how)

    def test_what_is_written_in_binary_is_read(self) -> None:
        """Eight bytes for an int8."""
        rows = read(options("binary"), ("a", "b"), self.written(options("binary")), 5)
        self.assertEqual(rows[0], [b"\0\0\0\0\0\0\0\1", b"x"])
        self.assertEqual(rows[1], [None, None])

    def test_as_postgresql_writes_it(self) -> None:
        """Text and csv, byte by byte."""
        self.assertEqual(
            self.written(options()).split(b"\n")[:4], [b"1\tx", b"\\N\t\\N", b'-7\ta\\tb\\\\c\\nd\\re,"f"', b"2\t"]
        )
        self.assertEqual(self.written(options("csv", header=True)).split(b"\n")[:3], [b"a,b", b"1,x", b","])
        self.assertIn(b'\n2,""\n', self.written(options("csv")))
