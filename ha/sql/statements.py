"""One client text, cut into statements, each with its kind and its arguments. [pure]"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What the house must do with a statement. Everything that SQLite itself judges is ``SQL``."""

    EMPTY = "empty"
    SQL = "sql"  # SELECT, INSERT, CREATE TABLE, PRAGMA, EXPLAIN ...: SQLite says whether it reads or writes
    BEGIN = "begin"
    COMMIT = "commit"
    ROLLBACK = "rollback"
    SAVEPOINT = "savepoint"
    RELEASE = "release"
    ROLLBACK_TO = "rollback to"
    SET = "set"
    SHOW = "show"
    RESET = "reset"
    SET_TRANSACTION = "set transaction"
    DISCARD = "discard"
    PREPARE = "prepare"
    EXECUTE = "execute"
    DEALLOCATE = "deallocate"
    DECLARE = "declare"
    FETCH = "fetch"  # FETCH and MOVE
    CLOSE = "close"
    COPY = "copy"
    LISTEN = "listen"
    UNLISTEN = "unlisten"
    NOTIFY = "notify"
    NOTHING = "nothing"  # accepted, has no meaning here (GRANT, COMMENT ON, LOCK TABLE ...): its tag is answered
    REFUSED = "refused"  # known, and impossible here: `argument` is the StatementError's (sqlstate, message, hint)


@dataclass(frozen=True, slots=True)
class Begin:
    """BEGIN, START TRANSACTION, SET TRANSACTION. None: not said."""

    isolation: str | None = None  # "read committed", "repeatable read", "serializable"
    read_only: bool | None = None


@dataclass(frozen=True, slots=True)
class End:
    """COMMIT and ROLLBACK."""

    chain: bool = False


@dataclass(frozen=True, slots=True)
class SetVariable:
    """SET and RESET. `value` None means DEFAULT; `name` None (RESET only) means ALL."""

    name: str | None
    value: str | None
    local: bool = False


@dataclass(frozen=True, slots=True)
class Prepare:
    """PREPARE name [(types)] AS statement."""

    name: str
    types: tuple[str, ...]
    statement: Statement


@dataclass(frozen=True, slots=True)
class Execute:
    """EXECUTE name [(expressions)]: `statement` is ``SELECT expressions``, or None without any."""

    name: str
    statement: Statement | None


@dataclass(frozen=True, slots=True)
class Declare:
    """DECLARE name CURSOR FOR statement."""

    name: str
    hold: bool
    scroll: bool | None
    binary: bool
    statement: Statement


@dataclass(frozen=True, slots=True)
class Fetch:
    """FETCH and MOVE. `count` None means ALL; `direction` is forward, backward, absolute or relative."""

    name: str
    direction: str
    count: int | None
    move: bool


@dataclass(frozen=True, slots=True)
class Copy:
    """COPY to or from the client. `statement` is set for COPY (query) TO STDOUT, else `table`."""

    table: str | None
    columns: tuple[str, ...]
    statement: Statement | None
    to_client: bool
    format: str = "text"  # text, csv, binary
    delimiter: str = "\t"
    null: str = "\\N"
    header: bool = False
    quote: str = '"'
    escape: str = '"'
    force_quote: tuple[str, ...] = ()
    force_null: tuple[str, ...] = ()
    force_not_null: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Notify:
    """NOTIFY channel, payload."""

    channel: str
    payload: str


@dataclass(frozen=True, slots=True)
class Name:
    """SAVEPOINT, RELEASE, ROLLBACK TO, SHOW, DEALLOCATE, CLOSE, LISTEN, UNLISTEN, DISCARD: a name; None means ALL or *."""

    name: str | None


Argument = (
    None | Begin | End | SetVariable | Prepare | Execute | Declare | Fetch | Copy | Notify | Name | tuple[str, str, str | None]
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a client's text.

    :param text: the client's own words, without the closing ``;``.
    :param offset: where it starts in the whole text, in characters.
    :param sql: what SQLite is given (equals `text` where nothing had to change).
    :param verb: PostgreSQL's command tag without a count, by the first words: ``SELECT``, ``INSERT``,
        ``CREATE TABLE``; for a text that only SQLite knows (``PRAGMA``, ``VALUES``) the word that fits.
    :param parameters: the highest ``$n`` in `text`; 0 where there is none, or where they are SQLite's own (``?``, ``:name``).
    :param casts: ``n`` (from 1) to the type name of ``$n::type`` and ``CAST($n AS type)``.
    :param argument: what the kind needs.
    """

    text: str
    offset: int
    kind: Kind
    sql: str
    verb: str
    parameters: int = 0
    casts: tuple[tuple[int, str], ...] = ()
    argument: Argument = None
