"""Conversations: what a client says, and what it hears, in the order of things."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ha.postgres import named, session
from ha.postgres.answers import (
    BindComplete,
    CloseComplete,
    CommandComplete,
    CopyInResponse,
    CopyOutResponse,
    DataRow,
    EmptyQueryResponse,
    ErrorResponse,
    NoData,
    NoticeResponse,
    NotificationResponse,
    ParameterDescription,
    ParameterStatus,
    ParseComplete,
    PortalSuspended,
    ReadyForQuery,
    RowDescription,
)
from ha.postgres.decoder import Malformed
from ha.postgres.messages import CopyData, CopyDone
from ha.postgres.questions import (
    FRONTEND,
    Bind,
    Close,
    CopyFail,
    Describe,
    Execute,
    Flush,
    FunctionCall,
    Parse,
    Query,
    Sync,
    Terminate,
)
from ha.postgres.server import Factory
from ha.postgres.session import GATE, PASS, Phase
from ha.test.fake_backend import FakeBackend
from ha.test.pgclient import Client, statuses

DATA = Path(__file__).parent / "data" / "pgwire"


class SessionCase(SynchronousTestCase):
    """One client that has logged in, and its backend."""

    def setUp(self) -> None:
        self.backend = FakeBackend()
        self.client = Client(Factory(lambda database, user: self.backend, Clock(), check=lambda user, password: True))
        self.client.login()

    def ask(self, *messages: Any) -> list[Any]:
        return self.client.ask(*messages)

    def query(self, text: str) -> list[Any]:
        return self.ask(Query(text))

    def tags(self, text: str) -> list[str]:
        """What a Query answers, in a word each: tags, SQLSTATEs, and the state at the end."""
        return [word(message) for message in self.query(text) if word(message)]


def word(message: Any) -> str:
    """The word that tells a message from others of its kind."""
    if isinstance(message, CommandComplete):
        return message.command_tag
    if isinstance(message, (ErrorResponse, NoticeResponse)):
        return message.sqlstate
    return message.status if isinstance(message, ReadyForQuery) else ""


def rows(messages: list[Any]) -> list[tuple[bytes | None, ...]]:
    """The rows among these."""
    return [message.values for message in messages if isinstance(message, DataRow)]


class GateTests(SessionCase):
    """Every phase knows what to do with every message."""

    def test_every_pair(self) -> None:
        """The table, pair by pair: what is run, what is passed over; all else ends the connection."""
        turns = {Query, Parse, Bind, Describe, Execute, Close, Flush, Sync, FunctionCall, Terminate}
        copying = {CopyData, CopyDone, CopyFail}
        passed = {phase: {kind for kind, act in GATE[phase].items() if act is PASS} for phase in Phase}
        run = {phase: set(GATE[phase]) - passed[phase] for phase in Phase}
        self.assertEqual((run[Phase.READY], passed[Phase.READY]), (turns, copying))
        self.assertEqual(
            (run[Phase.SKIPPING], passed[Phase.SKIPPING]), ({Sync, Terminate}, (turns | copying) - {Sync, Terminate})
        )
        self.assertEqual((run[Phase.COPY_IN], passed[Phase.COPY_IN]), (copying | {Terminate}, {Sync, Flush}))
        self.assertEqual(GATE[Phase.CLOSED], {})
        self.assertEqual(len(run[Phase.LOGIN] & set(FRONTEND)), 2)
        self.assertFalse(set(GATE[Phase.OPENING]) & set(FRONTEND))

    def test_a_query_in_the_middle_of_a_copy(self) -> None:
        """Is a violation, and the end."""
        self.query("CREATE TABLE t (a integer)")
        heard = self.ask(Query("COPY t FROM STDIN"), Query("SELECT 1"))
        self.assertEqual((heard[-1].severity, heard[-1].sqlstate), ("FATAL", "08P01"))


class DriverTests(SessionCase):
    """The cases every driver leans on, recorded from PostgreSQL 15 (data/pgwire/extended.pt)."""

    #: Where we differ, and why: (what PostgreSQL says, what we say).
    DIFFERENCES = (
        # A column declared int is SQLite's 64-bit integer here, and this backend infers no parameter types.
        (
            '{"Type":"ParameterDescription","ParameterOIDs":[23]}',
            '{"Type":"ParameterDescription","ParameterOIDs":[25]}',
        ),
    )

    def test_the_recorded_cases(self) -> None:
        """Message by message."""
        text = (DATA / "extended.pt").read_text()
        for theirs, ours in self.DIFFERENCES:
            text = text.replace(theirs, ours)
        blocks = [
            block
            for block in text.split("\n\n")
            if not all(line.startswith("#") for line in block.splitlines() if line)
        ]
        formats: list[int] = []
        number = 0
        for block in blocks:
            lines = [line for line in block.splitlines() if line and not line.startswith("#")]
            head, body, expected = lines[0].split(), lines[1 : lines.index("----")], lines[lines.index("----") + 1 :]
            if head[0] == "send":
                sent = [said(line) for line in body]
                for message in sent:
                    formats = list(message.result_formats) if isinstance(message, Bind) else formats
                    formats = [] if isinstance(message, Query) else formats
                heard = self.ask(*sent)
                continue
            number += 1
            ignored = {flag[7:] for flag in head[1:]} | {"ParameterStatus"}
            found = [shown(message, formats) for message in heard]
            self.assertEqual(
                [one for one in found if one["Type"] not in ignored],
                [json.loads(line) for line in expected],
                f"block {number}",
            )
        self.assertEqual(number, 11)


def said(line: str) -> Any:
    """A message of a client, from the test format."""
    name, _, rest = line.partition(" ")
    fields = json.loads(rest) if rest.strip() else {}
    match name:
        case "Query":
            return Query(fields["String"])
        case "Parse":
            return Parse(fields.get("Name", ""), fields["Query"], tuple(fields.get("ParameterOIDs", ())))
        case "Bind":
            values = tuple(
                v["text"].encode() if "text" in v else bytes.fromhex(v["binary"]) for v in fields.get("Parameters", ())
            )
            return Bind(
                fields.get("DestinationPortal", ""), fields.get("PreparedStatement", ""),
                tuple(fields.get("ParameterFormatCodes", ())), values, tuple(fields.get("ResultFormatCodes", ())),
            )  # fmt: skip
        case "Describe":
            return Describe(fields["ObjectType"], fields.get("Name", ""))
        case "Execute":
            return Execute(fields.get("Portal", ""), fields.get("MaxRows", 0))
        case "CopyData":
            return CopyData(fields["Data"].encode())
        case "CopyFail":
            return CopyFail(fields["Message"])
    return {"Sync": Sync, "CopyDone": CopyDone, "Flush": Flush}[name]()


def shown(message: Any, formats: list[int]) -> dict[str, Any]:
    """A message of the server, as the test format writes it."""
    found: dict[str, Any] = {"Type": type(message).__name__}
    match message:
        case CommandComplete():
            found["CommandTag"] = message.command_tag
        case ReadyForQuery():
            found["TxStatus"] = message.status
        case ErrorResponse():
            found["Code"] = message.sqlstate
        case DataRow():
            found["Values"] = [
                None
                if v is None
                else {"binary": v.hex()}
                if formats and formats[i % len(formats)]
                else {"text": v.decode()}
                for i, v in enumerate(message.values)
            ]
        case ParameterDescription():
            found["ParameterOIDs"] = list(message.types)
        case CopyInResponse() | CopyOutResponse():
            found["ColumnFormatCodes"] = list(message.column_formats)
        case CopyData():
            found["Data"] = message.data.decode()
        case NotificationResponse():
            found |= {"Channel": message.channel, "Payload": message.payload}
    return found


class SimpleQueryTests(SessionCase):
    """Query: one text, any number of statements."""

    def test_rows(self) -> None:
        """Described, then sent as text; NULL is NULL."""
        heard = self.query("SELECT 1 AS a, 'x' AS b, NULL AS c, 1.5 AS d, x'00ff' AS e")
        self.assertEqual(
            [(c.name, c.type_oid) for c in heard[0].columns], [("a", 20), ("b", 25), ("c", 25), ("d", 701), ("e", 17)]
        )
        self.assertEqual(
            heard[1:],
            [DataRow((b"1", b"x", None, b"1.5", b"\\x00ff")), CommandComplete("SELECT 1"), ReadyForQuery("I")],
        )

    def test_nothing_at_all(self) -> None:
        """Empty texts, lone semicolons, comments."""
        for text in ("", ";", " ;; ", "-- ping", "/* ping */"):
            self.assertEqual(self.query(text), [EmptyQueryResponse(), ReadyForQuery("I")], text)

    def test_one_statement_is_alone_and_several_are_not(self) -> None:
        """The backend is told, so that only several open a transaction."""
        self.query("SELECT 1")
        self.query("SELECT 2; SELECT 3")
        self.assertEqual(
            self.backend.said, [("SELECT 1", (), True), ("SELECT 2", (), False), ("SELECT 3", (), False), "finish"]
        )

    def test_the_last_tag_waits_for_the_commit(self) -> None:
        """A commit that fails must not follow a promise."""
        self.query(
            "CREATE TABLE p (a integer primary key); CREATE TABLE c (a integer REFERENCES p DEFERRABLE INITIALLY DEFERRED)"
        )
        self.backend.connection.pragma("foreign_keys", True)
        self.assertEqual(self.tags("SELECT 1; INSERT INTO c VALUES (7)"), ["SELECT 1", "23503", "I"])

    def test_a_syntax_error_anywhere_means_that_nothing_runs(self) -> None:
        """All is parsed first."""
        self.assertEqual(self.tags("CREATE TABLE t (a); SELECT 'abc"), ["42601", "I"])
        self.assertEqual(self.backend.said, ["fail"])

    def test_a_failed_block(self) -> None:
        """Nothing but its end is heard; COMMIT answers ROLLBACK."""
        self.assertEqual(self.tags("BEGIN; SELECT nosuch; SELECT 2"), ["BEGIN", "42703", "E"])
        for text in ("SELECT 1", "PREPARE x AS SELECT 1", "EXECUTE x", "COPY t TO STDOUT", "FETCH c"):
            self.assertEqual(self.tags(text), ["25P02", "E"], text)
        self.assertEqual(self.tags("COMMIT"), ["ROLLBACK", "I"])

    def test_settings_are_told_before_ready_for_query(self) -> None:
        """After the tag; what was undone is told, too."""
        self.assertEqual(
            self.query("SET application_name = 'x'"),
            [CommandComplete("SET"), ParameterStatus("application_name", "x"), ReadyForQuery("I")],
        )
        self.query("BEGIN; SET application_name = 'y'")
        self.assertIn(ParameterStatus("application_name", "x"), self.query("ROLLBACK"))
        self.assertIn(
            ParameterStatus("application_name", "z"), self.query("SELECT set_config('application_name', 'z', 0)")
        )

    def test_a_large_result(self) -> None:
        """All rows of all batches, and the stream is closed."""
        heard = self.query(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i FROM n"
        )
        self.assertEqual(rows(heard), [(b"%d" % i,) for i in range(1, 1001)])
        self.assertEqual(heard[-2], CommandComplete("SELECT 1000"))
        self.assertTrue(self.backend.streams[0].closed)

    def test_a_query_of_bytes_that_are_no_text(self) -> None:
        """An error, and your turn."""
        self.client.connection.dataReceived(b"Q\0\0\0\6\xff\0")
        self.assertEqual([word(message) for message in self.client.received()], ["22021", "I"])

    def test_the_fast_path(self) -> None:
        """0A000, then everything up to Sync is skipped."""
        self.assertEqual([word(m) for m in self.ask(FunctionCall(b""), Sync())], ["0A000", "I"])


class LiftedQueryTests(SessionCase):
    """Simple queries whose values stand in their texts."""

    def setUp(self) -> None:
        super().setUp()
        self.query("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)")
        self.backend.lifts = True

    def test_the_values_arrive(self) -> None:
        """Texts that differ in values only are answered each by its own."""
        self.query("INSERT INTO t VALUES (1, 'it''s'), (2, 'x')")
        self.assertEqual(rows(self.query("SELECT b FROM t WHERE a = 1")), [(b"it's",)])
        self.assertEqual(rows(self.query("SELECT b FROM t WHERE a = 2")), [(b"x",)])
        self.assertEqual(len({text for text, *_ in self.backend.said[-2:]}), 1)

    def test_an_error_points_into_the_text(self) -> None:
        """Behind a value that is longer than what stands for it, too."""
        text = "SELECT b FROM t WHERE a = 123456789 AND nope = 5"
        (error,) = [message for message in self.query(text) if isinstance(message, ErrorResponse)]
        self.assertEqual((error.sqlstate, error.position), ("42703", text.index("nope") + 1))


class ExtendedQueryTests(SessionCase):
    """Parse, Bind, Describe, Execute, Close, Flush, Sync."""

    def test_parameters_and_results_in_binary(self) -> None:
        """By the types announced; an OID given in Parse wins."""
        heard = self.ask(
            Parse("", "SELECT $1 AS a, $2 AS b, $1 AS c", (20, 25)), Describe("S", ""),
            Bind("", "", (1, 0), (struct.pack("!q", 7), b"x"), (0, 1, 1)), Execute(""), Sync(),
        )  # fmt: skip
        self.assertEqual(heard[1], ParameterDescription((20, 25)))
        self.assertEqual(rows(heard), [(b"7", b"x", b"7")])
        self.assertIn(("SELECT $1 AS a, $2 AS b, $1 AS c", (7, "x"), True), self.backend.said)

    def test_rows_decide_what_was_not_announced(self) -> None:
        """Without Describe, or when the portal is described just before it runs."""
        for ask in ((), (Describe("P", ""),)):
            heard = self.ask(Parse("", "SELECT 7, 1.5, 'x'"), Bind("", "", (), (), (1,)), *ask, Execute(""), Sync())
            self.assertEqual(rows(heard), [(struct.pack("!q", 7), struct.pack("!d", 1.5), b"x")])
        (description,) = (message for message in heard if isinstance(message, RowDescription))
        self.assertEqual([(c.type_oid, c.format) for c in description.columns], [(20, 1), (701, 1), (25, 1)])

    def test_what_was_announced_wins(self) -> None:
        """A described statement sends text for a column nobody knew; a value that does not fit is an error in binary."""
        self.ask(Parse("s", "SELECT 7 AS a"), Describe("S", "s"), Sync())
        self.assertEqual(rows(self.ask(Bind("", "s", (), (), (1,)), Execute(""), Sync())), [(b"7",)])
        self.query("CREATE TABLE t (a int4); INSERT INTO t VALUES (3000000000)")
        heard = self.ask(Parse("", "SELECT a FROM t"), Bind("", "", (), (), (1,)), Execute(""), Sync())
        self.assertEqual([word(message) for message in heard[2:]], ["22003", "I"])

    def test_describing_runs_nothing(self) -> None:
        """Statements that change something above all."""
        self.query("CREATE TABLE t (a integer)")
        del self.backend.said[:]
        heard = self.ask(
            Parse("s", "INSERT INTO t VALUES ($1) RETURNING a"),
            Describe("S", "s"),
            Bind("", "s", (), (b"1",)),
            Describe("P", ""),
            Sync(),
        )
        self.assertEqual([type(m) for m in heard[2:]], [RowDescription, BindComplete, RowDescription, ReadyForQuery])
        self.assertEqual(self.backend.said, [])

    def test_no_rows_to_describe(self) -> None:
        """NoData, for statements and portals."""
        heard = self.ask(Parse("s", "BEGIN"), Describe("S", "s"), Bind("", "s"), Describe("P", ""), Sync())
        self.assertEqual([m for m in heard if isinstance(m, NoData)], [NoData(), NoData()])

    def test_the_last_of_a_batch_is_alone(self) -> None:
        """An Execute before Sync is its own transaction; several share one, which Sync commits."""
        self.ask(Parse("s", "SELECT 1"), Bind("", "s"), Execute(""), Sync())
        self.assertEqual(self.backend.said, [("SELECT 1", (), True)])
        del self.backend.said[:]
        self.ask(Bind("", "s"), Execute(""), Bind("", "s"), Execute(""), Flush(), Sync())
        self.assertEqual(self.backend.said, [("SELECT 1", (), False), ("SELECT 1", (), False), "finish"])

    def test_an_error_undoes_the_batch(self) -> None:
        """What came before it since the last Sync is rolled back."""
        self.query("CREATE TABLE t (a integer)")
        self.ask(
            Parse("", "INSERT INTO t VALUES (1)"), Bind("", ""), Execute(""), Parse("", "SELECT nosuch"), Bind("", ""), Execute(""), Sync()
        )  # fmt: skip
        self.assertEqual(rows(self.query("SELECT count(*) FROM t")), [(b"0",)])

    def test_a_commit_that_fails_at_sync(self) -> None:
        """An error, and your turn: nothing is skipped."""
        self.query(
            "CREATE TABLE p (a integer primary key); CREATE TABLE c (a integer REFERENCES p DEFERRABLE INITIALLY DEFERRED)"
        )
        self.backend.connection.pragma("foreign_keys", True)
        heard = self.ask(
            Parse("", "INSERT INTO c VALUES (7)"), Bind("", ""), Execute(""), Flush(), Parse("", "SELECT 1"), Sync()
        )
        self.assertEqual([word(m) for m in heard if word(m)], ["INSERT 0 1", "23503", "I"])
        self.assertEqual(statuses(self.ask(Sync())), ["I"])

    def test_row_limits(self) -> None:
        """Suspended when the limit is reached, even by the last row; the next Execute then has none."""
        self.query("CREATE TABLE t (a integer); INSERT INTO t VALUES (1), (2), (3), (4)")
        heard = self.ask(Parse("", "SELECT a FROM t"), Bind("p", ""), *[Execute("p", 2)] * 4, Sync())
        kinds = [type(m).__name__ if not word(m) else word(m) for m in heard[2:] if not isinstance(m, DataRow)]
        self.assertEqual(kinds, ["PortalSuspended", "PortalSuspended", "SELECT 0", "SELECT 0", "I"])
        self.assertEqual(
            [word(m) for m in self.ask(Execute("p"), Sync())], ["34000", "I"], "it died with its transaction"
        )

    def test_row_limits_and_changes(self) -> None:
        """A changing statement runs to its end at once and counts all it changed."""
        self.query("CREATE TABLE t (a integer); INSERT INTO t VALUES (1), (2), (3)")
        heard = self.ask(
            Parse("", "UPDATE t SET a = a + 1 RETURNING a"), Bind("p", ""), Execute("p", 2), Execute("p", 2), Sync()
        )
        self.assertEqual([type(heard[4]), word(heard[6])], [PortalSuspended, "UPDATE 3"])

    def test_running_a_finished_statement_again(self) -> None:
        """A portal without rows runs once."""
        heard = self.ask(Parse("", "SET application_name = 'x'"), Bind("p", ""), Execute("p"), Execute("p"), Sync())
        self.assertEqual([word(m) for m in heard[2:] if word(m)], ["SET", "55000", "I"])

    def test_names_that_are_taken_or_not_there(self) -> None:
        """PostgreSQL's code for each."""
        self.ask(Parse("s", "SELECT 1"), Sync())
        for messages, sqlstate in (
            ((Parse("s", "SELECT 1"),), "42P05"), ((Bind("p", "s"), Bind("p", "s")), "42P03"), ((Bind("", "no"),), "26000"),
            ((Execute("no"),), "34000"), ((Describe("S", "no"),), "26000"), ((Describe("P", "no"),), "34000"),
            ((Parse("", "SELECT 1; SELECT 2"),), "42601"), ((Bind("", "s", (), (b"1",)),), "08P01"),
            ((Bind("", "s", (), (), (0, 0)),), "08P01"), ((Parse("", "SELECT $1", (23,)), Bind("", "", (), (b"x",))), "22P02"),
            ((Parse("", "SELECT $1, $2"), Bind("", "", (0, 0, 0), (b"x", b"y"))), "08P01"),
        ):  # fmt: skip
            heard = self.ask(*messages, Sync())
            self.assertEqual([word(m) for m in heard if word(m)], [sqlstate, "I"], messages)

    def test_closing_what_is_not_there(self) -> None:
        """Is no error; closing a statement leaves its portals."""
        self.assertEqual(self.ask(Close("S", "no"), Close("P", "no"), Sync())[:2], [CloseComplete(), CloseComplete()])
        heard = self.ask(Parse("s", "SELECT 1"), Bind("p", "s"), Close("S", "s"), Execute("p"), Sync())
        self.assertEqual(word(heard[-2]), "SELECT 1")

    def test_the_unnamed_statement(self) -> None:
        """Survives Sync, and dies with the next simple Query."""
        self.ask(Parse("", "SELECT 1"), Sync())
        self.assertEqual(rows(self.ask(Bind("", ""), Execute(""), Sync())), [(b"1",)])
        self.query("SELECT 2")
        self.assertEqual(self.ask(Bind("", ""), Sync())[0].sqlstate, "26000")

    def test_limits(self) -> None:
        """A session's memory is not for the taking."""
        self.patch(named, "STATEMENTS_MAX", 2)
        self.patch(session, "PORTALS_MAX", 1)
        heard = self.ask(Parse("a", "SELECT 1"), Parse("b", "SELECT 1"), Parse("c", "SELECT 1"), Sync())
        self.assertEqual(heard[2].sqlstate, "53400")
        self.assertEqual(self.ask(Bind("p", "a"), Bind("q", "a"), Sync())[1].sqlstate, "53400")

    def test_columns_that_changed(self) -> None:
        """0A000 in PostgreSQL's words: drivers know it and prepare again."""
        self.query("CREATE TABLE t (a integer)")
        self.ask(Parse("s", "SELECT * FROM t"), Describe("S", "s"), Sync())
        self.query("ALTER TABLE t ADD COLUMN b text")
        error = self.ask(Bind("", "s"), Execute(""), Sync())[1]
        self.assertEqual((error.sqlstate, error.message), ("0A000", "cached plan must not change result type"))

    def test_a_message_that_breaks_its_format(self) -> None:
        """An error like any other: skipped to Sync, and on."""
        self.client.connection.dataReceived(b"B\0\0\0\4" + Parse("", "SELECT 1").encode() + Sync().encode())
        self.assertEqual([word(m) for m in self.client.received()], ["08P01", "I"])
        self.client.connection.dataReceived(b"E\0\0\0\4B\0\0\0\4" + Sync().encode())
        self.assertEqual([word(m) for m in self.client.received()], ["08P01", "I"], "skipped ones are not looked at")

    def test_returning_columns_that_changed(self) -> None:
        """Nothing is written by a statement whose answer could not be sent; drivers know the error by its routine."""
        self.query("CREATE TABLE t (a integer)")
        self.ask(Parse("s", "INSERT INTO t DEFAULT VALUES RETURNING *"), Sync())
        self.query("ALTER TABLE t ADD COLUMN b text DEFAULT 'x'")
        self.query("ALTER TABLE t RENAME COLUMN a TO c")
        heard = self.ask(Bind("", "s"), Execute(""), Sync())
        self.assertEqual((heard[1].sqlstate, heard[1].routine), ("0A000", "RevalidateCachedQuery"))
        self.assertEqual(rows(self.query("SELECT count(*) FROM t")), [(b"0",)])

    def test_settings_of_the_start_are_what_reset_goes_back_to(self) -> None:
        """The client asked for them once and for all."""
        client = Client(Factory(lambda database, user: self.backend, Clock(), check=lambda user, password: True))
        client.login(TimeZone="Europe/Berlin")
        client.ask(Query("SET TimeZone = 'UTC'"))
        self.assertIn(ParameterStatus("TimeZone", "Europe/Berlin"), client.ask(Query("RESET TimeZone")))


class OrderTests(SessionCase):
    """Messages are worked on strictly in order, whenever they come."""

    def test_byte_by_byte(self) -> None:
        """Everything a session can be told, in the smallest pieces."""
        messages = [Query("SELECT 1"), Parse("", "SELECT 2"), Bind("", ""), Describe("P", ""), Execute(""), Sync()]
        at_once = self.ask(*messages)
        self.client.send_bytes(b"".join(message.encode() for message in messages))
        self.assertEqual([word(m) for m in self.client.received()], [word(m) for m in at_once])

    def test_what_comes_while_a_statement_runs(self) -> None:
        """Waits for its turn."""
        running: Deferred[None] = Deferred()
        self.backend.waiting = lambda: running
        self.client.send(Query("SELECT 1"))
        self.client.send(Query("SELECT 2"))
        self.assertEqual(self.client.received(), [])
        running.callback(None)
        self.assertEqual(rows(self.client.received()), [(b"1",), (b"2",)])

    def test_a_malformed_message_knows_what_it_claims_to_be(self) -> None:
        """So that the gate can judge it."""
        self.assertIs(Malformed(Query, "08P01", "").kind, Query)
        self.assertEqual(self.ask(Parse("", "x"), Sync())[-1], ReadyForQuery("I"))
        self.assertIsInstance(ParseComplete(), ParseComplete)
