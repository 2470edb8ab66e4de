"""A PostgreSQL client that speaks to a whole node's door: the real session before the real backend before SQLite, and no socket.

::

    spoken = Spoken(case)
    spoken.query("SELECT 1")     # → [RowDescription(...), DataRow(...), CommandComplete("SELECT 1"), ReadyForQuery("I")]
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ha.backend import Backend
from ha.postgres.answers import DataRow, ErrorResponse, ReadyForQuery, RowDescription
from ha.postgres.questions import Bind, Describe, Execute, Parse, Query, Sync
from ha.postgres.server import Factory
from ha.test.clients import Served
from ha.test.pgclient import Client


class Spoken:
    """One client that has logged in, to a database of its own."""

    def __init__(self, case: SynchronousTestCase, served: Served | None = None) -> None:
        self.served = served or Served(case)
        self.client = Client(Factory(self._connect, self.served.clock, check=lambda user, password: True))
        self.client.login()
        case.addCleanup(self.client.leave)

    def _connect(self, database: str, user: str) -> Backend:
        return Backend(
            self.served.replica,
            user=user,
            pid=7,
            clock=self.served.clock,
            statement_timeout_s=0.0,
            idle_timeout_s=0.0,
        )

    def ask(self, *messages: Any) -> list[Any]:
        """Say these, and hear everything up to the answer's end."""
        self.client.send(*messages)
        heard = self.client.received()
        for _ in range(10):
            if heard and isinstance(heard[-1], ReadyForQuery):
                break
            self.served.settle()
            heard += self.client.received()
        return heard

    def query(self, text: str) -> list[Any]:
        """What a simple Query is answered."""
        return self.ask(Query(text))

    def extended(
        self, text: str, *values: bytes | None, types: tuple[int, ...] = (), binary: bool = False
    ) -> list[Any]:
        """The same in the extended protocol, with parameters in text; results in `binary` if asked."""
        return self.ask(
            Parse("", text, types), Bind("", "", (), values, (int(binary),)), Describe("P", ""), Execute(""), Sync()
        )

    def rows(self, text: str) -> list[tuple[str | None, ...]]:
        """The rows of a simple Query, in text."""
        heard = self.query(text)
        wrong = [message for message in heard if isinstance(message, ErrorResponse)]
        assert not wrong, f"{text}: {wrong[0]}"
        return texts(heard)

    def error(self, text: str) -> ErrorResponse:
        """The error that a simple Query is answered."""
        heard = self.query(text)
        wrong = [message for message in heard if isinstance(message, ErrorResponse)]
        assert wrong, f"{text}: {heard}"
        return wrong[0]


def texts(messages: list[Any]) -> list[tuple[str | None, ...]]:
    """The rows among these, as text."""
    return [
        tuple(None if value is None else value.decode() for value in message.values)
        for message in messages
        if isinstance(message, DataRow)
    ]


def types(messages: list[Any]) -> list[tuple[str, int]]:
    """The columns that were announced: name and OID."""
    return [
        (field.name, field.type_oid)
        for message in messages
        if isinstance(message, RowDescription)
        for field in message.columns
    ]
