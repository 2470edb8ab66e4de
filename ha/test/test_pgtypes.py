"""Types and values: declared words, text and binary, and what SQLite is given to keep."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.postgres import pgtypes
from ha.postgres.pgtypes import (
    BINARY,
    OIDS,
    TEXT,
    binary_encoder,
    decode,
    of_decltype,
    of_name,
    of_values,
    text_encoder,
)
from ha.values import Column, Value

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


class DecltypeTests(SynchronousTestCase):
    """What a column was declared as is what clients are told."""

    def test_words(self) -> None:
        """With lengths, in any case, of several words."""
        for words, oid, typmod in (
            ("INTEGER", 20, -1), ("int4", 23, -1), ("smallint", 21, -1), ("Double  Precision", 701, -1), ("REAL", 701, -1),
            ("numeric(10,2)", 1700, 655366), ("DECIMAL(5)", 1700, 327684), ("varchar(20)", 1043, 24),
            ("character varying (3)", 1043, 7), ("char(5)", 1042, 9), ("char", 1042, 5), ("boolean", 16, -1), ("BLOB", 17, -1),
            ("timestamp with time zone", 1184, -1), ("timestamp(3) with time zone", 1184, 3), ("datetime", 1114, -1),
            ("time without time zone", 1083, -1), ("uuid", 2950, -1), ("jsonb", 3802, -1), ("integer[]", 1016, -1),
            ("text[][]", 1009, -1), ("numeric(10,2)[]", 1231, 655366), ("TEXT(50)", 25, -1), ("_text", 1009, -1),
            ("MYINTEGER", 20, -1), ("LONGTEXT", 25, -1),
        ):  # fmt: skip
            self.assertEqual(of_decltype(words), (oid, typmod), words)

    def test_words_that_mean_nothing(self) -> None:
        """Then values decide."""
        for words in ("", "ANY", "MONEYBAG", "x(y)", "a b c("):
            self.assertIsNone(of_decltype(words), words)

    def test_names_of_inference(self) -> None:
        """PostgreSQL's names, where ``integer`` is four bytes."""
        self.assertEqual(
            [of_name(name)[0] for name in ("int4", "integer", "text[]", "numeric(10,2)", "nonsense")],
            [23, 23, 1009, 1700, 25],
        )

    def test_by_values(self) -> None:
        """One type that fits all of them."""
        for values, oid in (
            ([1, None], 20), ([1, 2.5], 701), (["x", 1], 25), ([b"x", None], 17), ([None], 25), ([], 25), ([b"x", "y"], 25),
        ):  # fmt: skip
            self.assertEqual(of_values(values), oid, values)

    def test_columns(self) -> None:
        """The declared type first, then inference."""
        self.assertEqual(pgtypes.of_column(Column("a", "int4", expression="text")), (23, -1))
        self.assertEqual(pgtypes.of_column(Column("a", None, expression="bool")), (16, -1))
        self.assertIsNone(pgtypes.of_column(Column("a")))


class AnnouncedTests(SynchronousTestCase):
    """What was announced wins."""

    def assert_refused(self, name: str, value: Value, sqlstate: str) -> None:
        error = self.assertRaises(StatementError, binary_encoder(OIDS[name]), value)
        self.assertEqual(error.sqlstate, sqlstate, (name, value))

    def test_binary_refuses_what_does_not_fit(self) -> None:
        """Never other bytes than those announced."""
        for name, value, sqlstate in (
            ("int4", 1 << 31, "22003"), ("int2", 40000, "22003"), ("int8", "x", "22P02"), ("int8", 1.5, "22P02"),
            ("int8", b"x", "22P02"), ("float8", "x", "22P02"), ("float4", 1e300, "22003"), ("bool", "maybe", "22P02"),
            ("date", "2026-13-01", "22008"), ("date", "x", "22007"), ("timestamp", "2026-01-01 25:00:00", "22008"),
            ("uuid", "x", "22P02"), ("numeric", "x", "22P02"), ("interval", "x", "22007"), ("_int4", "x", "22P02"),
            ("_int4", "{1,{2}}", "22P02"), ("oid", -1, "22003"), ("inet", "x", "22P02"), ("bit", "102", "22P02"),
        ):  # fmt: skip
            self.assert_refused(name, value, sqlstate)

    def test_text_shows_what_does_not_fit(self) -> None:
        """As a person would write it."""
        for name, value, text in (
            ("int4", 1 << 40, "1099511627776"), ("int8", "x", "x"), ("date", "never", "never"), ("bool", "maybe", "maybe"),
            ("uuid", b"\x00\xff", "\\x00ff"), ("timestamp", b"x", "\\x78"), ("numeric", "many", "many"), ("int8", 2.0, "2"),
            ("text", 1.5, "1.5"), ("text", b"\xff", "\\xff"), ("_int4", "none", "none"), ("float8", "x", "x"),
        ):  # fmt: skip
            self.assertEqual(text_encoder(OIDS[name])(value).decode(), text, (name, value))

    def test_values_of_sqlites_other_conventions(self) -> None:
        """Seconds since 1970 and Julian days in a date column; words in a boolean one."""
        for name, value, text in (
            ("timestamp", 0, "1970-01-01 00:00:00"), ("date", 2451544.5, "2000-01-01"), ("timestamp", "2026-01-02T03:04:05Z", "2026-01-02 03:04:05"),
            ("timestamptz", "2026-01-02 03:04:05", "2026-01-02 03:04:05+00"), ("bool", "TRUE", "t"), ("bool", 7, "t"),
            ("date", "2026-01-02 03:04:05", "2026-01-02"), ("_text", '["a", null]', "{a,NULL}"), ("_bool", "[true, false]", "{t,f}"),
        ):  # fmt: skip
            self.assertEqual(text_encoder(OIDS[name])(value).decode(), text, (name, value))

    def test_a_scale_is_padded(self) -> None:
        """SQLite keeps 0.10 as 0.1; numeric(10,2) shows both digits."""
        typmod = of_decltype("numeric(10,2)")[1]  # type: ignore[index]
        self.assertEqual(text_encoder(1700, typmod)(0.1), b"0.10")
        self.assertEqual(text_encoder(1700, typmod)(3), b"3.00")


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
            ("text", b"a\0b", TEXT, "22021"), ("text", b"\xff", BINARY, "22021"), ("timestamp", b"\x7f" + b"\0" * 7, BINARY, "22008"),
            ("inet", b"\2\x20\0\4\1", BINARY, "22P03"), ("bit", b"\0\0\0\x40\1", BINARY, "22P03"),
        ):  # fmt: skip
            error = self.assertRaises(StatementError, decode, OIDS[name], raw, format)
            self.assertEqual(error.sqlstate, sqlstate, (name, raw))


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

    @given(st.integers(-100_000, 100_000), st.integers(-100_000, 100_000), st.integers(-(10**15), 10**15))
    def test_intervals(self, months: int, days: int, us: int) -> None:
        """Written and read again."""
        self.assertEqual(pgtypes.interval_of(pgtypes.interval_text(months, days, us)), (months, days, us))

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
        self.assertEqual(pgtypes._decimal_of(kept), value)
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
        """SQLite lets anything be anywhere: text always goes out, binary or a StatementError."""
        self.assertIsInstance(text_encoder(oid)(value), bytes)
        try:
            self.assertIsInstance(binary_encoder(oid)(value), bytes)
        except StatementError:
            pass
