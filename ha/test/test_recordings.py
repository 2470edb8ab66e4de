"""What PostgreSQL 15 answered, held against what a node answers: the score of the PostgreSQL door.

Each recording is a file in ``data/pgwire``. What differs stands in a list here with its reason; an entry that no longer
differs fails the test, so that the list can only shrink.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ha.postgres.answers import CommandComplete, ErrorResponse, NoticeResponse, ReadyForQuery
from ha.test.spoken import Spoken, texts

DATA = Path(__file__).parent / "data" / "pgwire"

#: Statements of ``error_vectors.json`` that are answered otherwise.
OTHER_ERRORS = {
    "select * from ev where id = 'x'": "a column declared int is int8 here, and the error says bigint",
    "create index ev_b_key on ev(b)": "a constraint's index has a name of SQLite's, so the other name is free",
    "copy nosuch from stdin": "a position is told besides",
    "select max(sum(id)) from ev": "another sentence under the same code",
    "select (select 1,2)": "SQLite tells no position",
    "select 1 union select 1,2": "SQLite tells no position",
    "create view v1 as select * from nosuch": "SQLite looks at a view's tables when it is used",
    "select ''::json": "the literal's position is not found by what the message says",
    "create role ha": "users are options of the node: refused with 0A000",
    "create database ha": "databases are options of the node: refused with 0A000",
    "create extension if not exists plpgsql": "accepted without the notice",
    "call nosuch()": "there are no procedures: refused with 0A000",
    "alter system set x=1": "refused with 0A000",
}

#: Fields of a report that are compared.
FIELDS = {
    "S": "severity", "C": "sqlstate", "M": "message", "D": "detail", "H": "hint", "P": "position", "s": "schema", "t": "table",
    "c": "column", "n": "constraint",
}  # fmt: skip


class ErrorTests(SynchronousTestCase):
    """125 messages of one session: tags, SQLSTATEs, every field, transaction states."""

    maxDiff = None

    def test_error_vectors(self) -> None:
        """Equal, but for the list."""
        spoken = Spoken(self)
        spoken.query("create table ev(id int); create table ev2(id int)")  # the recording begins by dropping them
        other = set()
        for recorded in json.loads((DATA / "error_vectors.json").read_text()):
            wanted = [_known(part) for part in recorded["answer"]]
            found = [part for message in spoken.query(recorded["sql"]) if (part := _part(message)) is not None]
            if recorded["sql"] not in OTHER_ERRORS:
                self.assertEqual(found, wanted, recorded["sql"])
            elif found != wanted:
                other.add(recorded["sql"])
        self.assertEqual(sorted(set(OTHER_ERRORS) - other), [], "these are equal by now")


def _known(part: dict[str, Any]) -> dict[str, Any]:
    return {
        kind: {name: value for name, value in fields.items() if name in FIELDS} if isinstance(fields, dict) else fields
        for kind, fields in part.items()
    }


def _part(message: Any) -> dict[str, Any] | None:
    if isinstance(message, CommandComplete):
        return {"tag": message.command_tag}
    if isinstance(message, ReadyForQuery):
        return {"ready": message.status}
    if isinstance(message, (ErrorResponse, NoticeResponse)):
        fields = {letter: getattr(message, name) for letter, name in FIELDS.items()}
        kind = "error" if isinstance(message, ErrorResponse) else "notice"
        return {kind: {letter: str(value) for letter, value in fields.items() if value is not None}}
    return None


#: Statements of ``dialect_gaps.json`` that are refused, and with what.
REFUSED = {
    # As in PostgreSQL, outside a block.
    "savepoint a": "25P01",
    "lock table users in share mode": "25P01",
}


class GapTests(SynchronousTestCase):
    """100 statements of which SQLite alone understands 25."""

    def test_dialect_gaps(self) -> None:
        """Each is done, or refused with 0A000."""
        spoken = Spoken(self)
        spoken.query(
            "create table users(id serial primary key, name text not null, email varchar(50), active boolean,"
            " score float8, created timestamp); create table t(a int, b int); insert into users(name) values ('Ann')"
        )
        for recorded in json.loads((DATA / "dialect_gaps.json").read_text()):
            text = recorded["pg"]
            if "$1" in text:
                heard = spoken.extended(text, b"{1}" if "any" in text else b"1")
            else:
                heard = spoken.query(text)
            wrong = [message.sqlstate for message in heard if isinstance(message, ErrorResponse)]
            self.assertEqual(wrong, [REFUSED[text]] if text in REFUSED else [], f"{text}: {heard}")
            if text.startswith("begin"):
                spoken.query("rollback")


class CodecTests(SynchronousTestCase):
    """Values that PostgreSQL wrote in text and binary, computed by a node from the same words."""

    def test_codec_vectors(self) -> None:
        """Equal in text, but for the list. (Text and binary of the same values: ``test_decoding``.)"""
        spoken = Spoken(self)
        other = {}
        for vector in json.loads((DATA / "codec_vectors.json").read_text()):
            heard = spoken.query(f"select {vector['expr']}")
            wrong = [message.sqlstate for message in heard if isinstance(message, ErrorResponse)]
            found = wrong[0] if wrong else texts(heard)[0][0]
            if found != vector["text"] and not (wrong and vector.get("error")):
                other[vector["expr"]] = found
        self.assertEqual(other, OTHER_VALUES)


#: Expressions whose text differs, and what a node writes.
OTHER_VALUES: dict[str, str | None] = {
    # SQLite keeps 0 for -0.
    "-0.0::float8": "0",
    # No money, no composite values.
    "'12.34'::money": "12.34",
}
