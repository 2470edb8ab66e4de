"""Garbage at the PostgreSQL door: whatever a client sends, its connection answers or ends, and nothing else happens.

Run as a test (``trial ha.test.fuzz_postgres``) hypothesis makes the garbage. Run as a program with atheris installed, libFuzzer does::

    python -m ha.test.fuzz_postgres [libFuzzer's arguments] corpus/
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ha.postgres.answers import ErrorResponse, ReadyForQuery
from ha.postgres.decoder import Decoder
from ha.postgres.messages import CopyData, CopyDone, ProtocolViolation
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
from ha.test.fake_backend import FakeBackend
from ha.test.pgclient import Client

names = st.sampled_from(["", "a", "b", "c"])
statements = st.sampled_from(
    [
        "", ";", "SELECT 1", "SELECT $1, $2", "SELECT * FROM t", "INSERT INTO t VALUES (1, 'x')", "SELECT nosuch", "SELECT 1; SELECT 2",
        "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT s", "ROLLBACK TO s", "RELEASE s", "COPY t FROM STDIN", "COPY t TO STDOUT",
        "COPY t FROM STDIN (FORMAT binary)", "COPY t FROM STDIN (FORMAT csv)", "COPY (SELECT a FROM t) TO STDOUT (FORMAT binary)",
        "DECLARE c CURSOR FOR SELECT * FROM t", "DECLARE c CURSOR WITH HOLD FOR SELECT * FROM t", "FETCH 2 FROM c", "FETCH BACKWARD 1 c",
        "MOVE ABSOLUTE -1 IN c", "CLOSE c", "CLOSE ALL", "PREPARE a AS SELECT $1", "EXECUTE a(1)", "DEALLOCATE a", "DISCARD ALL",
        "SET application_name = 'x'", "SHOW all", "LISTEN x", "NOTIFY x, 'y'", "UPDATE t SET a = a RETURNING *", "SELECT 'abc",
    ]
)  # fmt: skip
counts = st.lists(st.integers(-1, 2), max_size=3).map(tuple)
pieces = st.binary(max_size=40) | st.sampled_from(
    [b"1\tx\n", b"\\.\n", b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\0\2", b'"', b"\xff\xff"]
)

messages = st.one_of(
    st.builds(Query, statements),
    st.builds(
        Parse,
        names,
        statements,
        st.lists(st.sampled_from([0, 16, 20, 25, 1700, 1114, 3802, 1007, 99999]), max_size=3).map(tuple),
    ),
    st.builds(Bind, names, names, counts, st.lists(st.none() | st.binary(max_size=12), max_size=3).map(tuple), counts),
    st.builds(Describe, st.sampled_from("SP"), names),
    st.builds(Close, st.sampled_from("SP"), names),
    st.builds(Execute, names, st.integers(0, 3)),
    st.builds(CopyData, pieces),
    st.builds(CopyFail, st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=5)),
    st.builds(
        FunctionCall,
        st.sampled_from([957, 952, 955, 1299, 3]),
        counts,
        st.lists(st.none() | st.binary(max_size=12), max_size=3).map(tuple),
        st.sampled_from([0, 1]),
    ),
    st.sampled_from([CopyDone(), Flush(), Sync(), Sync(), Terminate()]),
)


class Conversation:
    """A client that has logged in, to be fed anything."""

    def __init__(self) -> None:
        self.backend = FakeBackend()
        self.backend.connection.execute(
            "CREATE TABLE t (a integer, b text); INSERT INTO t VALUES (1, 'x'), (2, NULL), (3, 'z')"
        )
        self.clock = Clock()
        self.client = Client(
            Factory(lambda database, user: self.backend, self.clock, check=lambda user, password: True)
        )
        self.client.login()

    def feed(self, data: bytes, cut: int) -> None:
        """These bytes, in pieces of `cut`; none after we have hung up."""
        for at in range(0, len(data), cut):
            if self.client.transport.disconnecting:
                break
            self.client.connection.dataReceived(data[at : at + cut])

    def ended(self) -> None:
        """The conversation can go on, or has ended in order; leaving releases everything."""
        heard = self.client.received()
        assert not any(isinstance(message, ErrorResponse) and message.sqlstate == "XX000" for message in heard), (
            "a bug of ours"
        )
        connection = self.client.connection
        assert not connection._busy, "the session is stuck"
        session = connection._session
        waiting = session.phase.value in ("ready", "skipping") and not session.buffered
        if waiting and not self.client.transport.disconnecting:
            heard = self.client.ask(Sync())
            assert isinstance(heard[-1], ReadyForQuery), heard
        self.client.leave()
        assert self.backend.closed
        assert all(stream.closed for stream in self.backend.streams), "a stream was left open"


class GarbageTests(SynchronousTestCase):
    """Nothing a client says may break more than its own conversation."""

    @settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
    @given(st.lists(messages, max_size=12), st.integers(1, 200))
    def test_messages_in_any_order(self, said: list[Any], cut: int) -> None:
        """Well-formed messages, in an order nobody thought of."""
        conversation = Conversation()
        conversation.feed(b"".join(message.encode() for message in said), cut)
        conversation.ended()

    @settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
    @given(st.lists(messages, min_size=1, max_size=6), st.data())
    def test_messages_with_wrong_bytes(self, said: list[Any], data: st.DataObject) -> None:
        """A stream with some bytes changed."""
        stream = bytearray(b"".join(message.encode() for message in said))
        for _ in range(data.draw(st.integers(1, 4))):
            stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 255))
        conversation = Conversation()
        conversation.feed(bytes(stream), data.draw(st.integers(1, 50)))
        conversation.ended()

    @settings(deadline=None, max_examples=200)
    @given(st.binary(max_size=200), st.integers(1, 50))
    def test_bytes_before_the_login(self, data: bytes, cut: int) -> None:
        """What comes to an open port."""
        client = Client(Factory(lambda database, user: FakeBackend(), Clock(), check=lambda user, password: False))
        for at in range(0, len(data), cut):
            if not client.transport.disconnecting:
                client.connection.dataReceived(data[at : at + cut])
        client.leave()

    @settings(deadline=None, max_examples=300)
    @given(st.binary(max_size=300))
    def test_the_decoder(self, data: bytes) -> None:
        """Cut at once or byte by byte: the same messages, the same end."""
        self.assertEqual(cut_up(data, len(data) or 1), cut_up(data, 1))


def cut_up(data: bytes, pieces: int) -> list[Any]:
    """The messages of a stream, and how it ended."""
    decoder = Decoder(FRONTEND)
    found: list[Any] = []
    try:
        for at in range(0, len(data), pieces):
            decoder.feed(data[at : at + pieces])
            while (message := decoder.next()) is not None:
                found.append(message)
    except ProtocolViolation as error:
        found.append(str(error))
    return found


def one_input(data: bytes) -> None:
    """For libFuzzer: the first byte says how the rest is cut."""
    conversation = Conversation()
    conversation.feed(data[1:], (data[0] if data else 0) + 1)
    conversation.ended()


def main() -> None:
    """Fuzz until something breaks."""
    # Brought by whoever fuzzes; the tests do without it.
    atheris = import_module("atheris")
    # Only the door is watched while it is imported anew: watching all that Twisted brings takes minutes.
    for name in [name for name in sys.modules if name.startswith("ha.")]:
        del sys.modules[name]
    with atheris.instrument_imports(include=["ha.postgres"]):
        watched = import_module("ha.test.fuzz_postgres")
    atheris.Setup(sys.argv, watched.one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
