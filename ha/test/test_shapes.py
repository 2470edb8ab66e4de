"""The shape of results: what is announced, and the functions that write rows."""

from __future__ import annotations

from datetime import timedelta, timezone

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.postgres.answers import BACKEND, DataRow, RowDescription
from ha.postgres.decoder import Decoder
from ha.postgres.encoding import binary_encoder, text_encoder
from ha.postgres.manner import Manner
from ha.postgres.messages import MESSAGE_BYTES_MAX
from ha.postgres.pgtypes import BINARY, OIDS, TEXT
from ha.postgres.shapes import ENCODERS_MAX, Shape, row_encoder, shape_of
from ha.values import Column, Row

TYPES = [
    OIDS[name]
    for name in ("int8", "int4", "int2", "float8", "text", "varchar", "bytea", "bool", "numeric", "json", "oid")
]
values = (
    st.none()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.floats()
    | st.text(st.characters(exclude_categories=("Cs",)))
    | st.binary()
)


def heard(data: bytes) -> list[DataRow]:
    """The rows in these bytes."""
    decoder = Decoder(BACKEND)
    decoder.bytes_max = MESSAGE_BYTES_MAX
    decoder.feed(data)
    found = []
    while (message := decoder.next()) is not None:
        found.append(message)
    return found


class RowEncoderTests(SynchronousTestCase):
    """Generated functions write what the plain encoders of each type write."""

    @given(st.data())
    @settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on a busy machine it is
    def test_any_rows_of_any_shape(self, data: st.DataObject) -> None:
        """The same bytes, or the same refusal."""
        columns = tuple((data.draw(st.sampled_from(TYPES)), -1) for _ in range(data.draw(st.integers(0, 5))))
        formats = tuple(data.draw(st.sampled_from((TEXT, BINARY))) for _ in columns)
        rows: list[Row] = [tuple(data.draw(values) for _ in columns) for _ in range(data.draw(st.integers(0, 4)))]
        one = [(binary_encoder if f else text_encoder)(*c) for c, f in zip(columns, formats, strict=True)]
        try:
            plain = [DataRow(tuple(None if v is None else e(v) for v, e in zip(row, one, strict=True))) for row in rows]
        except StatementError as error:
            found = self.assertRaises(StatementError, row_encoder(columns, formats), rows)
            self.assertEqual(found.sqlstate[:2], error.sqlstate[:2])
        else:
            self.assertEqual(heard(row_encoder(columns, formats)(rows)), plain)

    def test_long_fields_and_wide_rows(self) -> None:
        """Beyond the tables of short lengths, and beyond generated code."""
        text, many = "x" * 100_000, 300
        self.assertEqual(heard(row_encoder(((25, -1),), (TEXT,))([(text,)])), [DataRow((text.encode(),))])
        wide = row_encoder(((20, -1),) * many, (TEXT,) * many)
        self.assertEqual(heard(wide([tuple(range(many))])), [DataRow(tuple(b"%d" % i for i in range(many)))])

    def test_a_shape_is_compiled_once(self) -> None:
        """The same function for the same shape."""
        self.assertIs(row_encoder(((20, -1),), (TEXT,)), row_encoder(((20, -1),), (TEXT,)))

    def test_an_encoder_is_of_its_formats_and_its_manner(self) -> None:
        """Each is looked up once; who asks in ever new ones does not fill the memory."""
        shape = shape_of((Column("a", expression="timestamptz"),))
        seconds = [timezone(timedelta(seconds=one)) for one in range(2 * ENCODERS_MAX)]
        value = ("2026-07-01 12:00:00+00",)
        for zone in seconds:
            manner = Manner(zone)
            self.assertIs(shape.encoder((), manner), shape.encoder((), manner))
            self.assertNotEqual(shape.encoder((), manner)([value]), shape.encoder((BINARY,), manner)([value]))
        self.assertLessEqual(len(shape._encoders), ENCODERS_MAX)
        self.assertNotEqual(shape.encoder((), Manner(seconds[60]))([value]), shape.encoder()([value]))


class ShapeTests(SynchronousTestCase):
    """What a result is said to be."""

    def test_declared_inferred_guessed(self) -> None:
        """The declared type, else what inference says, else what the first rows hold, else text."""
        columns = (Column("a", "varchar(5)"), Column("b", expression="bool"), Column("c"), Column("d"))
        shape = shape_of(columns, [("x", 1, None, None), ("y", 0, 2, None), ("z", 0, 2.5, None)])
        self.assertEqual(shape.types, ((1043, 9), (16, -1), (701, -1), (25, -1)))
        self.assertFalse(shape.guessed)
        unseen = shape_of(columns)
        self.assertEqual(unseen.types[2], (25, -1))
        self.assertTrue(unseen.guessed)

    def test_the_same_columns_have_the_same_shape(self) -> None:
        """By identity or by value, where no row has a say."""
        columns = (Column("a", "integer"),)
        self.assertIs(shape_of(columns), shape_of(columns))
        self.assertIs(shape_of(columns), shape_of((Column("a", "integer"),), [(1,)]))

    def test_a_description(self) -> None:
        """Names, origin, types, sizes and formats."""
        shape = shape_of((Column("a", "int4", "t", "a", None, 16384, 1), Column("b", "numeric(10,2)")))
        (description,) = heard(shape.description((1, 0)))
        assert isinstance(description, RowDescription)
        found = [
            (c.name, c.table_oid, c.attribute, c.type_oid, c.size, c.typmod, c.format) for c in description.columns
        ]
        self.assertEqual(found, [("a", 16384, 1, 23, 4, -1, 1), ("b", 0, 0, 1700, -1, 655366, 0)])

    def test_formats(self) -> None:
        """None, one for all, or one each."""
        shape = Shape((Column("a"), Column("b")), ((20, -1), (25, -1)))
        self.assertEqual([shape.formats(codes) for codes in ((), (0,), (1,), (1, 0))], [(), (), (1, 1), (1, 0)])
        self.assertRaises(ValueError, shape.formats, (1, 1, 1))
