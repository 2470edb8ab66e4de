"""Messages of a conversation that is not in UTF-8."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.postgres.answers import (
    CommandComplete,
    DataRow,
    ErrorResponse,
    FieldDescription,
    NotificationResponse,
    ParameterStatus,
    RowDescription,
)
from ha.postgres.manner import Charset
from ha.postgres.messages import Unreadable
from ha.postgres.questions import Bind, Close, CopyFail, Describe, Execute, Parse, Query, Sync
from ha.postgres.recoding import heard, told

LATIN9 = Charset("LATIN9", "iso8859-15")
#: In the one encoding and in the other.
EURO, ENCODED = "€".encode(), b"\xa4"


class RecodingTests(SynchronousTestCase):
    """What is text is converted, what is none is left alone."""

    def test_what_a_client_says(self) -> None:
        """Every text that a message begins with; values have types, so they are others' to convert."""
        for message in (
            Query("select '€'"), Parse("€", "select $1 as €", (1700,)), Bind("€", "€", (1,), (b"\xe2\x82\xac",), (1,)),
            Describe("S", "€"), Close("P", "€"), Execute("€", 7), CopyFail("€"), Sync(),
        ):  # fmt: skip
            body = message.encode()[5:]
            # As values may hold anything, only the texts are what is encoded here.
            value = body.find(EURO, body.rfind(b"\0\1\0\0\0\3") if isinstance(message, Bind) else len(body))
            texts, rest = (body[:value], body[value:]) if value >= 0 else (body, b"")
            said = texts.replace(EURO, ENCODED) + rest
            self.assertEqual(type(message).decode(heard(type(message), said, LATIN9)), message)

    def test_bytes_that_are_no_text(self) -> None:
        """22021, and the encoding's name."""
        error = self.assertRaises(Unreadable, heard, Query, b"\x81\0", Charset("WIN1252", "cp1252"))
        self.assertEqual((error.sqlstate, '"WIN1252"' in error.message), ("22021", True))

    def test_what_a_client_is_told(self) -> None:
        """Errors, names, settings, notifications; a row is as it was, and several messages may come in one piece."""
        columns = RowDescription(
            (FieldDescription("€", 1, 128, 255, -1, -1, 0), FieldDescription("b€", 1, 2, 25, -1, -1, 0))
        )
        messages = (
            ErrorResponse("ERROR", "42P01", "no €"), columns, ParameterStatus("application_name", "€"),
            NotificationResponse(200, "€", "x€"),
        )  # fmt: skip
        row = DataRow((EURO, b"\xff" * 300)).encode()
        whole = b"".join(one.encode() for one in messages)
        found = b"".join(told([whole + row, CommandComplete("SELECT 1").encode()], LATIN9))
        expected = b""
        for one in messages:
            body = one.encode()[5:].replace(EURO, ENCODED)
            expected += one.tag + (len(body) + 4).to_bytes(4, "big") + body
        self.assertEqual(found, expected + row + CommandComplete("SELECT 1").encode())

    def test_what_it_cannot_read(self) -> None:
        """A question mark: there is nobody to complain to any more."""
        (found,) = told([ParameterStatus("a", "日").encode()], LATIN9)
        self.assertEqual(found, ParameterStatus("a", "?").encode())
