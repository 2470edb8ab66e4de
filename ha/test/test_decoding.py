"""From text and binary to what SQLite keeps, and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.postgres.decoding import decode, text_reader, texts_reader
from ha.postgres.encoding import binary_encoder, text_encoder
from ha.postgres.numerals import decimal_of
from ha.postgres.pgtypes import BINARY, OIDS, TEXT
from ha.values import Value

VECTORS = json.loads((Path(__file__).parent / "data" / "pgwire" / "codec_vectors.json").read_text())

#: Vectors whose value SQLite cannot keep, or keeps as another one, each with its reason.
NOT_KEPT = {
    "123456789012345678901234567890.5::numeric": "more digits than SQLite's numbers have: refused",
    "'pg_class'::regclass": "binary carries the OID; its name is the catalog's to find",
    "'int4'::regtype": "the same",
    "row(1,'a')": "no parameter is a record",
}


def vectors() -> list[dict[str, Any]]:
    """Those with a value."""
    return [vector for vector in VECTORS if vector["oid"] is not None and vector["text"] is not None]


class VectorTests(SynchronousTestCase):
    """PostgreSQL's own text and binary of 90 values."""

    def test_from_its_text_and_back(self) -> None:
        """A parameter in text, kept by SQLite, is written as PostgreSQL writes it."""
        self.assert_back(TEXT, lambda vector: vector["text"].encode())

    def test_from_its_binary_and_back(self) -> None:
        """The same for a parameter in binary."""
        self.assert_back(BINARY, lambda vector: bytes.fromhex(vector["binary_hex"]))

    def assert_back(self, format: int, raw: Any) -> None:
        for vector in vectors():
            if vector["expr"] in NOT_KEPT:
                continue
            oid, typmod = vector["oid"], vector["typmod"]
            kept = decode(oid, raw(vector), format)
            self.assertIsInstance(kept, (int, float, str, bytes), vector["expr"])
            self.assertEqual(text_encoder(oid, typmod)(kept).decode(), vector["text"], vector["expr"])
            self.assertEqual(binary_encoder(oid, typmod)(kept).hex(), vector["binary_hex"], vector["expr"])

    def test_from_postgresqls_own_writing_in_a_column(self) -> None:
        """A file may hold any of them as plain text: it goes out rightly all the same."""
        for vector in vectors():
            if vector["type"] == "bytea":
                continue  # text in a bytea column is that text's bytes
            oid, typmod = vector["oid"], vector["typmod"]
            self.assertEqual(text_encoder(oid, typmod)(vector["text"]).decode(), vector["text"], vector["expr"])
            self.assertEqual(binary_encoder(oid, typmod)(vector["text"]).hex(), vector["binary_hex"], vector["expr"])


class KeptTests(SynchronousTestCase):
    """What SQLite is given for a parameter: exact, or an error."""

    def kept(self, name: str, text: str) -> Value:
        return decode(OIDS[name], text.encode(), TEXT)

    def test_kept_forms(self) -> None:
        """The forms that sort rightly and that SQLite's functions read."""
        for name, text, value in (
            ("bool", "yes", 1), ("bool", "f", 0), ("int8", "-5", -5), ("float8", "1e3", 1000.0), ("float8", "NaN", "NaN"),
            ("numeric", "1.50", 1.5), ("numeric", "100", 100), ("numeric", "12345678901234567890123", None),
            ("numeric", "12345678901234567.89", None), ("numeric", "0.1", 0.1), ("numeric", "NaN", "NaN"),
            ("bytea", "\\x00ff", b"\0\xff"), ("bytea", "a\\000b\\\\", b"a\0b\\"), ("date", "2026-01-02", "2026-01-02"),
            ("timestamptz", "2026-01-02 03:04:05+02", "2026-01-02 01:04:05+00:00"),
            ("timestamp", "2026-01-02T03:04:05.600Z", "2026-01-02 03:04:05.6"),
            ("uuid", "6BA7B8109DAD11D180B400C04FD430C8", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
            ("json", '{"a": 1}', '{"a": 1}'), ("json", "5", 5), ("json", "1.0", None), ("json", "1e5", None), ("json", '"x"', '"x"'),
            ("json", "null", "null"), ("_int4", "{1,NULL}", "[1, null]"), ("_text", '{"a b",NULL,"NULL"}', '["a b", null, "NULL"]'),
            ("interval", "P1DT2H", "1 day 02:00:00"), ("text", "x", "x"), ("unknown", "x", "x"),
        ):  # fmt: skip
            if value is None:
                error = self.assertRaises(StatementError, self.kept, name, text)
                self.assertEqual(error.sqlstate, "22003", (name, text))
            else:
                found = self.kept(name, text)
                self.assertEqual((found, type(found)), (value, type(value)), (name, text))

    def test_what_is_no_such_value(self) -> None:
        """PostgreSQL's code for each."""
        for name, text, sqlstate in (
            ("int8", "x", "22P02"), ("int8", "1_000", "22P02"), ("int4", "3000000000", "22003"), ("int8", "9223372036854775808", "22003"),
            ("float8", "x", "22P02"), ("float8", "1e999", "22003"), ("bool", "x", "22P02"), ("date", "x", "22007"),
            ("timestamp", "2026-02-30", "22008"), ("uuid", "x", "22P02"), ("json", "{", "22P02"), ("json", "x", "22P02"), ("json", "[NaN]", "22P02"),
            ("bytea", "\\xz", "22P02"), ("_int4", "1,2", "22P02"), ("_int4", "{1", "22P02"), ("_int4", "{x}", "22P02"),
        ):  # fmt: skip
            error = self.assertRaises(StatementError, self.kept, name, text)
            self.assertEqual(error.sqlstate, sqlstate, (name, text))

    def test_bytes_that_are_no_such_value(self) -> None:
        """Wrong lengths, wrong versions, text with a zero byte."""
        for name, raw, format, sqlstate in (
            ("int4", b"\0", BINARY, "22P03"), ("float8", b"\0" * 9, BINARY, "22P03"), ("jsonb", b"\2{}", BINARY, "22P03"),
            ("numeric", b"\0\1", BINARY, "22P03"), ("_int4", b"\0\0\0\1", BINARY, "22P03"), ("_int4", b"\x7f\xff\xff\xff" * 5, BINARY, "22P03"),
            ("text", b"a\0b", TEXT, "22021"), ("text", b"\xff", BINARY, "22021"), ("timestamp", b"\x80" + b"\0" * 6 + b"\1", BINARY, "22008"),
            ("inet", b"\2\x20\0\4\1", BINARY, "22P03"), ("bit", b"\0\0\0\x40\1", BINARY, "22P03"),
        ):  # fmt: skip
            error = self.assertRaises(StatementError, decode, OIDS[name], raw, format)
            self.assertEqual(error.sqlstate, sqlstate, (name, raw))


class ColumnTests(SynchronousTestCase):
    """Texts of one column, read together, are the values that each is alone."""

    @given(
        st.sampled_from(["int2", "int4", "int8"]),
        st.lists(
            st.one_of(
                st.none(),
                st.integers(-(2**64), 2**64).map(str),
                st.sampled_from(
                    ["", " 5", "x", "1_0", "32767", "-32768", "32768", str(2**31 - 1), str(-(2**63)), str(2**63)]
                ),
            ),
            max_size=4,
        ),
    )
    def test_whole_numbers(self, name: str, texts: list[str | None]) -> None:
        """NULLs, numbers that are too large, and what is none."""
        together, alone = texts_reader(OIDS[name]), text_reader(OIDS[name])
        assert together is not None and alone is not None
        try:
            values = [None if text is None else alone(text) for text in texts]
        except StatementError as error:
            told = self.assertRaises(StatementError, together, texts)
            self.assertEqual((told.sqlstate, told.message), (error.sqlstate, error.message))
        else:
            self.assertEqual(list(together(texts)), values)

    def test_texts_stay(self) -> None:
        """Nothing is to be done with them."""
        self.assertIsNone(texts_reader(OIDS["text"]))


class JourneyTests(SynchronousTestCase):
    """Any value of a type survives every way through it."""

    def assert_journey(self, name: str, value: Value) -> None:
        oid = OIDS[name]
        for format, encode in ((TEXT, text_encoder(oid)), (BINARY, binary_encoder(oid))):
            self.assertEqual(decode(oid, encode(value), format), value, (name, format))

    @given(st.integers(-(1 << 63), (1 << 63) - 1))
    def test_integers(self, value: int) -> None:
        """All 64 bits."""
        self.assert_journey("int8", value)

    @given(st.floats(allow_nan=False))
    def test_floats(self, value: float) -> None:
        """Every bit, both infinities."""
        self.assert_journey("float8", value)

    @given(st.binary())
    def test_bytes(self, value: bytes) -> None:
        """Any bytes."""
        self.assert_journey("bytea", value)

    @given(st.datetimes())
    def test_timestamps(self, value: Any) -> None:
        """Microseconds from year 1 to 9999."""
        text = value.isoformat(sep=" ")
        if "." in text:
            text = text.rstrip("0")
        self.assert_journey("timestamp", text)

    @given(st.lists(st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)))))
    def test_arrays_of_text(self, items: list[str | None]) -> None:
        """Quotes, commas, braces, blanks, NULL and the word NULL."""
        self.assert_journey("_text", json.dumps(items, ensure_ascii=False))

    @given(st.lists(st.lists(st.integers(-1000, 1000), min_size=2, max_size=2), min_size=1))
    def test_arrays_of_arrays(self, items: list[list[int]]) -> None:
        """Two dimensions."""
        self.assert_journey("_int8", json.dumps(items))

    @given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**8), max_value=10**8))
    def test_numerics(self, value: Any) -> None:
        """Up to 15 digits: the number, never another one."""
        kept = decode(1700, str(value).encode(), TEXT)
        self.assertEqual(decimal_of(kept), value)
        self.assert_journey("numeric", kept)

    @given(st.sampled_from(sorted(OIDS.values())), st.binary(), st.sampled_from((TEXT, BINARY)))
    def test_rubbish(self, oid: int, raw: bytes, format: int) -> None:
        """A value SQLite can hold, or a StatementError."""
        try:
            value = decode(oid, raw, format)
        except StatementError:
            return
        self.assertIsInstance(value, (int, float, str, bytes))
        text_encoder(oid)(value)

    @given(
        st.sampled_from(sorted(OIDS.values())),
        st.integers(-(1 << 63), (1 << 63) - 1)
        | st.floats()
        | st.text(st.characters(exclude_categories=("Cs",)))
        | st.binary(),
    )
    def test_any_value_in_any_column(self, oid: int, value: Value) -> None:
        """SQLite lets anything be anywhere: text goes out but for what is too wide for the type, binary or a StatementError."""
        try:
            self.assertIsInstance(text_encoder(oid)(value), bytes)
        except StatementError as error:
            self.assertEqual(error.sqlstate, "22003")
        try:
            self.assertIsInstance(binary_encoder(oid)(value), bytes)
        except StatementError:
            pass
