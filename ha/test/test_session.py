"""Conversations: what a client says, and what it hears, in the order of things."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ha.postgres.answers import (
    CommandComplete,
    CopyInResponse,
    CopyOutResponse,
    DataRow,
    EmptyQueryResponse,
    ErrorResponse,
    NoticeResponse,
    NotificationResponse,
    ParameterDescription,
    ParameterStatus,
    ParseComplete,
    ReadyForQuery,
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
from ha.test.pgclient import Client

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

    def test_a_function_call_of_bytes_that_are_none(self) -> None:
        """An error, and your turn."""
        self.client.connection.dataReceived(b"F\0\0\0\6\0\0")
        self.assertEqual([word(message) for message in self.client.received()], ["08P01", "I"])


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


class SettingsTests(SessionCase):
    """What a client asked for when it came."""

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
