"""Functions called by their numbers."""

from __future__ import annotations

import struct

from ha.postgres.answers import FunctionCallResponse, ReadyForQuery
from ha.postgres.questions import FunctionCall, Query, Sync
from ha.test.test_session import SessionCase, word

LOWER, NOW, COUNT, PG_SLEEP, LO_OPEN = 870, 1299, 2803, 2626, 952


class FastPathTests(SessionCase):
    """FunctionCall is answered by one value, and is the client's turn again."""

    def called(self, message: FunctionCall) -> bytes | None:
        """What a call gives."""
        answer, ready = self.ask(message)
        assert isinstance(answer, FunctionCallResponse) and isinstance(ready, ReadyForQuery), (answer, ready)
        return answer.value

    def test_texts_and_binary(self) -> None:
        """Arguments each in its format, or all in one; the result as it is asked for."""
        self.assertEqual(self.called(FunctionCall(LOWER, (), (b"ABC",))), b"abc")
        self.assertEqual(self.called(FunctionCall(1282, (1,), (b"ABC",))), b'"ABC"')  # quote_ident
        bits = struct.pack("!i", 5)
        self.assertEqual(self.called(FunctionCall(LO_OPEN + 1, (1,), (None,), 1)), None)
        self.assertEqual(self.called(FunctionCall(721, (1, 0), (b"\1\2\3", b"2"), 1)), struct.pack("!i", 3))
        self.assertEqual(self.called(FunctionCall(721, (0, 1), (rb"\x010203040506", bits))), b"6")
        self.assertEqual(self.called(FunctionCall(PG_SLEEP, (0,), (b"0",))), b"")

    def test_refusals(self) -> None:
        """No such function, none that gives one value, arguments that do not fit; the turn is the client's again at once."""
        for message, wanted in (
            (FunctionCall(3), "42883"),
            (FunctionCall(COUNT), "0A000"),
            (FunctionCall(LOWER), "08P01"),
            (FunctionCall(LOWER, (0, 0), (b"x",)), "08P01"),
            (FunctionCall(LO_OPEN, (1,), (b"x", b"y")), "22P03"),
            (FunctionCall(721, (), (b"x", b"9")), "2202E"),
        ):
            self.assertEqual([word(one) for one in self.ask(message)], [wanted, "I"], message)

    def test_in_a_block(self) -> None:
        """It is part of it; a failed one hears nothing of it."""
        self.ask(Query("BEGIN"))
        self.assertEqual([word(one) for one in self.ask(FunctionCall(NOW))][1], "T")
        self.assertEqual([word(one) for one in self.ask(FunctionCall(3))], ["42883", "E"])
        self.assertEqual([word(one) for one in self.ask(FunctionCall(NOW))], ["25P02", "E"])
        self.ask(Query("ROLLBACK"), Sync())

    def test_alone_it_is_a_transaction(self) -> None:
        """Nobody waits for more."""
        self.called(FunctionCall(LOWER, (), (b"ABC",)))
        self.assertEqual(self.backend.said, [("SELECT pg_catalog.lower($1)", ("ABC",), True)])
