"""What goes back to an HTTP client."""

from __future__ import annotations

import json
import math

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import NotReached, StatementError
from ha.values import Answer, Column
from ha.web.query import Body
from ha.web.respond import RETRY_AFTER, Refusal, encode_result, encode_rows, error_answer, status_of

VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.binary(max_size=20),
)


class ValueTests(SynchronousTestCase):
    """JSON of everything SQLite holds."""

    @settings(max_examples=200, deadline=None, database=None)
    @given(st.lists(VALUES, max_size=5))
    def test_what_is_answered_can_be_sent_back(self, values: list[int | float | str | bytes | None]) -> None:
        """Bit for bit, and of the same kind."""
        sent = b'{"sql": "x", "params": %b}' % encode_rows([tuple(values)])[1:-1]
        ((command,), _) = Body(sent).commands()
        self.assertEqual([repr(one) for one in command.parameters], [repr(one) for one in values])

    def test_the_representation(self) -> None:
        """As documented."""
        self.assertEqual(
            json.loads(encode_rows([(None, 9223372036854775807, b"\0\xff", "ü\0"), (math.inf, -math.inf, 1.0, 1)])),
            [
                [None, 9223372036854775807, {"blob": "AP8="}, "ü\0"],
                [{"real": "Infinity"}, {"real": "-Infinity"}, 1.0, 1],
            ],
        )

    def test_an_infinity_beside_a_blob(self) -> None:
        """Both are marked."""
        self.assertEqual(json.loads(encode_rows([(b"", math.inf)])), [[{"blob": ""}, {"real": "Infinity"}]])

    def test_text_that_is_none(self) -> None:
        """Half a surrogate pair cannot be written."""
        with self.assertRaises(StatementError) as caught:
            encode_rows([("\ud800",)])
        self.assertEqual(caught.exception.sqlstate, "22021")


class ResultTests(SynchronousTestCase):
    """One result object."""

    def test_equal_column_names_are_kept_in_order(self) -> None:
        """That is why rows are arrays."""
        answer = Answer("SELECT", (Column("a"), Column("a"), Column('"')), [(1, 2, 3)])
        self.assertEqual(json.loads(encode_result(answer)), {"columns": ["a", "a", '"'], "rows": [[1, 2, 3]]})

    def test_a_write_tells_what_it_did(self) -> None:
        """One row."""
        columns = ["rows_affected", "last_insert_id"]
        for answer, row in (
            (Answer("INSERT", affected=1, last_insert_id=3), [1, 3]),
            (Answer("UPDATE", affected=5), [5, None]),
            (Answer("CREATE TABLE"), [0, None]),
        ):
            self.assertEqual(json.loads(encode_result(answer)), {"columns": columns, "rows": [row]})


class ErrorTests(SynchronousTestCase):
    """A status that means something."""

    def test_statuses(self) -> None:
        """By SQLSTATE, else by its class, else 422."""
        for sqlstate, status in (
            ("23505", 422),
            ("23999", 422),
            ("42601", 422),
            ("42501", 403),
            ("3D000", 404),
            ("40001", 409),
            ("40003", 504),
            ("57014", 504),
            ("57P03", 503),
            ("53300", 503),
            ("08006", 503),
            ("54000", 413),
            ("XX000", 500),
            ("99999", 422),
        ):
            self.assertEqual(status_of(StatementError(sqlstate, "so"))[0], status, sqlstate)
        self.assertEqual(error_answer(NotReached(7, 5, 10.0), None)[:2], (503, RETRY_AFTER))

    def test_the_body_says_what_is_known(self) -> None:
        """The four promised members always, others where they help."""
        error = StatementError("23505", "duplicate key", detail="Key (id)=(1) already exists.", constraint="t_pkey")
        status, headers, body = error_answer(error, 2)
        self.assertEqual((status, headers), (422, b""))
        self.assertEqual(
            json.loads(body)["error"],
            {
                "message": "duplicate key",
                "code": "unique_violation",
                "sqlstate": "23505",
                "index": 2,
                "detail": "Key (id)=(1) already exists.",
                "constraint": "t_pkey",
            },
        )

    def test_its_own_index_wins(self) -> None:
        """A batch knows better which command it was."""
        self.assertEqual(json.loads(error_answer(StatementError("42601", "no", index=4), 0)[2])["error"]["index"], 4)

    def test_what_will_pass_says_when_to_come_again(self) -> None:
        """In seconds."""
        self.assertEqual(error_answer(StatementError("57P03", "starting"), None)[1], b"Retry-After: 1\r\n")

    def test_a_refusal_has_the_same_form(self) -> None:
        """Without a SQLSTATE, for SQL was never asked."""
        told = json.loads(Refusal(400, "bad_json", "no").body())["error"]
        self.assertEqual(told, {"message": "no", "code": "bad_json", "sqlstate": None, "index": None})
