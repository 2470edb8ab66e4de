"""What a client can ask: the kinds of statement, and what each kind carries. [pure]

Plain frozen values without behaviour. :func:`ha.sql.statements.split` makes them, the doors and the backend act on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ha.sql.storedfunctions import Function


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
    DATABASE = "database"  # CREATE DATABASE and DROP DATABASE: the node's own
    SCRIPT = "script"  # several texts for SQLite in one transaction, see `Script`; ha.sqlite.rebuild.steps tells which
    DO = "do"  # a piece of PL/pgSQL, see :mod:`ha.sql.procedures`
    NOTHING = "nothing"  # accepted, has no meaning here (GRANT, COMMENT ON, LOCK TABLE ...): its tag is answered
    REFUSED = "refused"  # known, and impossible here: `argument` is the StatementError's (sqlstate, message, hint)

    # There is one of each: an Enum's own hash is a function of Python's, and kinds are looked up for every statement.
    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True)
class Begin:
    """BEGIN, START TRANSACTION, SET TRANSACTION. None: not said."""

    isolation: str | None = None  # "read uncommitted", "read committed", "repeatable read", "serializable"
    read_only: bool | None = None
    deferrable: bool | None = None  # remembered, and without effect


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
    """EXECUTE name [(expressions)]: `statement` is ``SELECT expressions``, or None without any.

    :param explained: it is not run: EXPLAIN tells of it, in this form.
    """

    name: str
    statement: Statement | None
    explained: str | None = None


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


@dataclass(frozen=True, slots=True)
class CreateDatabase:
    """CREATE DATABASE name."""

    name: str


@dataclass(frozen=True, slots=True)
class DropDatabase:
    """DROP DATABASE [IF EXISTS] name [WITH (FORCE)]. With `force` those who are connected to it are sent away."""

    name: str
    if_exists: bool
    force: bool


@dataclass(frozen=True, slots=True)
class Do:
    """DO: its code."""

    code: str


@dataclass(frozen=True, slots=True)
class Script:
    """What PostgreSQL says in one statement and SQLite in several: TRUNCATE, DROP TABLE a, b, CREATE OR REPLACE VIEW.

    :param texts: to run in this order, in one transaction.
    :param temporary: it makes something that is the session's own.
    """

    texts: tuple[str, ...]
    temporary: bool = False


#: How SQLite's text of an EXPLAIN begins whose answer is of the type json.
EXPLAINED_AS_JSON = "SELECT pg_json(plan)"

#: What a TEMP table loses at COMMIT.
DROP, DELETE_ROWS = "drop", "delete_rows"


@dataclass(frozen=True, slots=True)
class OnCommit:
    """CREATE TEMP TABLE … ON COMMIT DROP or DELETE ROWS.

    :param at_commit: ``DROP`` or ``DELETE_ROWS``.
    """

    table: str
    at_commit: str


@dataclass(frozen=True, slots=True)
class SetConstraints:
    """SET CONSTRAINTS … DEFERRED or IMMEDIATE."""

    deferred: bool


@dataclass(frozen=True, slots=True)
class CreateTableAs:
    """CREATE TABLE … AS.

    :param name: as SQLite calls it; `table` are the words that name it.
    :param columns: names for the first of its columns.
    :param filled: False: WITH NO DATA.
    :param at_commit: see :class:`OnCommit`.
    """

    name: str
    table: str
    columns: tuple[str, ...]
    query: Statement
    filled: bool = True
    if_not_exists: bool = False
    temporary: bool = False
    at_commit: str | None = None


@dataclass(frozen=True, slots=True)
class CreateLike:
    """CREATE TABLE … (LIKE …).

    :param name: as SQLite calls it.
    :param likes: where each LIKE stands in the statement's text (from, to before), the table it names, and what is included, in capitals.
    :param close: where the list of its columns ends.
    :param at_commit: see :class:`OnCommit`.
    """

    name: str
    likes: tuple[tuple[int, int, str, frozenset[str]], ...]
    close: int
    if_not_exists: bool = False
    temporary: bool = False
    at_commit: str | None = None


@dataclass(frozen=True, slots=True)
class Rename:
    """ALTER INDEX and ALTER VIEW … RENAME TO.

    :param kind: ``index``, ``view`` or ``materialized view``.
    :param new: the name without a schema: it stays where it is.
    """

    kind: str
    name: str
    new: str
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class CreateMaterialized:
    """CREATE MATERIALIZED VIEW: SQLite's own CREATE VIEW, whose rows are counted.

    :param filled: False: WITH NO DATA.
    """

    name: str
    text: str
    filled: bool
    if_not_exists: bool


@dataclass(frozen=True, slots=True)
class Refresh:
    """REFRESH MATERIALIZED VIEW, which is always new here: it must be one."""

    name: str


@dataclass(frozen=True, slots=True)
class Explain:
    """EXPLAIN with PostgreSQL's answer.

    :param statement: what it explains.
    :param form: ``text``, ``json``, ``xml`` or ``yaml``.
    :param analyze: it is run.
    """

    statement: Statement
    form: str
    analyze: bool


@dataclass(frozen=True, slots=True)
class CreateSchema:
    """CREATE SCHEMA [IF NOT EXISTS]."""

    name: str
    if_not_exists: bool = False


@dataclass(frozen=True, slots=True)
class DropSchema:
    """DROP SCHEMA: with `cascade` everything that is in them goes, too."""

    names: tuple[str, ...]
    if_exists: bool = False
    cascade: bool = False


@dataclass(frozen=True, slots=True)
class Comment:
    """COMMENT ON what can have one here.

    :param kind: ``table``, ``view``, ``sequence``, ``index``, ``column`` or ``constraint``.
    :param relation: the object, or the one that has the part.
    :param part: the column or constraint, else None.
    :param text: None or "" takes the comment away.
    """

    kind: str
    relation: str
    part: str | None
    text: str | None


@dataclass(frozen=True, slots=True)
class Truncate:
    """TRUNCATE: which tables refer to these only the schema knows."""

    tables: tuple[str, ...]
    restart_identity: bool
    cascade: bool


@dataclass(frozen=True, slots=True)
class Drop:
    """DROP of one or several: whether they are there, and what depends on them, only the schema knows.

    :param what: SQLite's word: ``TABLE``, ``INDEX``, ``VIEW``, ``TRIGGER``.
    :param names: each as it is called, and the words that SQLite is to be given.
    :param materialized: a view whose rows PostgreSQL would keep.
    """

    what: str
    names: tuple[tuple[str, str], ...]
    if_exists: bool
    cascade: bool
    materialized: bool = False


@dataclass(frozen=True, slots=True)
class CreateEnum:
    """CREATE TYPE name AS ENUM (labels)."""

    name: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CreateComposite:
    """CREATE TYPE name AS (field type, …).

    :param fields: each one's name and the words of its type.
    """

    name: str
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class CreateDomain:
    """CREATE DOMAIN name AS type …

    :param words: of its type.
    :param default: an expression, as the client wrote it.
    :param checks: the name of each condition, None where the client gave none, and its words as the client wrote them.
    """

    name: str
    words: str
    not_null: bool
    default: str | None
    checks: tuple[tuple[str | None, str], ...]


@dataclass(frozen=True, slots=True)
class AlterEnum:
    """ALTER TYPE of an enumeration.

    :param action: ``add value``, ``rename value`` or ``rename to``.
    :param label: the new label, or the one that is renamed.
    :param new: the label's or the type's new name.
    :param beside: of ``add value``: the label that it stands next to; None puts it last.
    :param before: it stands before that one, not after.
    :param if_not_exists: a label that is there already is passed over.
    """

    name: str
    action: str
    label: str = ""
    new: str = ""
    beside: str | None = None
    before: bool = False
    if_not_exists: bool = False


@dataclass(frozen=True, slots=True)
class AlterDomain:
    """ALTER DOMAIN.

    :param action: ``set default``, ``drop default``, ``set not null``, ``drop not null``, ``add constraint``, ``drop constraint``,
        ``rename constraint``, ``validate constraint`` or ``rename to``.
    :param part: the constraint's name; None for one that the client did not name.
    :param text: the default or the condition, as the client wrote it, or a new name.
    :param if_exists: a constraint that is not there is passed over.
    :param valid: False: NOT VALID, rows that are there may break the constraint.
    """

    name: str
    action: str
    part: str | None = None
    text: str = ""
    if_exists: bool = False
    valid: bool = True


@dataclass(frozen=True, slots=True)
class Attribute:
    """One action of an ALTER TYPE of a composite type.

    :param action: ``add``, ``drop``, ``type`` or ``rename``.
    :param text: the words of its type, or a new name.
    :param if_exists: a field that is not there is passed over.
    """

    action: str
    name: str
    text: str = ""
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class AlterComposite:
    """ALTER TYPE … ATTRIBUTE."""

    name: str
    actions: tuple[Attribute, ...]


@dataclass(frozen=True, slots=True)
class DropType:
    """DROP TYPE and DROP DOMAIN."""

    names: tuple[str, ...]
    if_exists: bool
    cascade: bool
    domain: bool = False


@dataclass(frozen=True, slots=True)
class CreateFunction:
    """CREATE [OR REPLACE] FUNCTION."""

    function: Function
    replaces: bool


@dataclass(frozen=True, slots=True)
class DropFunction:
    """DROP FUNCTION.

    :param functions: each one's name, and the words of its arguments' types, None where they are not said.
    """

    functions: tuple[tuple[str, tuple[str, ...] | None], ...]
    if_exists: bool


@dataclass(frozen=True, slots=True)
class Part:
    """A query of WITH that writes: ``WITH name AS (INSERT … RETURNING …)``.

    :param columns: how many it gives; 0 without RETURNING.
    :param place: what stands for its rows in the whole's text for SQLite.
    :param text: the client's words for it, as a statement of its own.
    """

    name: str
    columns: int
    place: str
    text: str


@dataclass(frozen=True, slots=True)
class MergeAction:
    """What a WHEN of MERGE does with one row.

    :param sql: SQLite's text for it: its parameters are what names the row, where one was matched, and then the values.
    :param matched: it is done to a row of the table, not with one that the table lacks.
    """

    sql: str
    matched: bool


@dataclass(frozen=True, slots=True)
class Merge:
    """MERGE, with the schema at hand: the statement's `sql` gives for each row the number of an action and its values.

    :param key: how many values name a row of the table.
    """

    table: str
    key: int
    actions: tuple[MergeAction, ...]


@dataclass(frozen=True, slots=True)
class Alteration:
    """One action of an ALTER TABLE.

    :param action: ``add column``, ``drop column``, ``rename column``, ``rename to``, ``add constraint``, ``drop constraint``,
        ``rename constraint``, ``type``, ``set default``, ``drop default``, ``set not null``, ``drop not null``, ``add identity``,
        ``set schema``, ``validate constraint``, ``retold``.
    :param name: the column's or constraint's name; None for a constraint without one.
    :param text: SQLite's words for what is added or set: a column definition, a table constraint, a type, an expression; or the new name
        or schema; of ``retold``: the column's whole definition.
    :param if_exists: an absent (for ``add column``: a present) one is passed over.
    :param valid: False: NOT VALID, rows that are there may break the constraint.
    :param using: of ``type``: what the column's new values are made of, in the client's words; "": of the old ones.
    """

    action: str
    name: str | None = None
    text: str = ""
    if_exists: bool = False
    valid: bool = True
    using: str = ""


@dataclass(frozen=True, slots=True)
class AlterTable:
    """ALTER TABLE where SQLite has no word for it, so that the table is made anew."""

    table: str
    actions: tuple[Alteration, ...]
    if_exists: bool = False


Argument = (
    None
    | Begin
    | End
    | SetConstraints
    | SetVariable
    | Prepare
    | Execute
    | Do
    | Declare
    | Fetch
    | Copy
    | Notify
    | Name
    | CreateDatabase
    | DropDatabase
    | Script
    | OnCommit
    | Merge
    | CreateTableAs
    | CreateLike
    | Explain
    | Rename
    | CreateMaterialized
    | Refresh
    | CreateSchema
    | DropSchema
    | Comment
    | Truncate
    | Drop
    | AlterTable
    | CreateEnum
    | CreateComposite
    | CreateDomain
    | AlterEnum
    | AlterDomain
    | AlterComposite
    | DropType
    | CreateFunction
    | DropFunction
    | tuple[str, str, str | None]
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a client's text.

    :param text: the client's own words, without the closing ``;``; where it names schemas, with SQLite's names for what is in them.
    :param offset: where it starts in the whole text, in characters.
    :param sql: what SQLite is given (equals `text` where nothing had to change).
    :param verb: PostgreSQL's command tag without a count, by the first words: ``SELECT``, ``INSERT``,
        ``CREATE TABLE``; for a text that only SQLite knows (``PRAGMA``, ``VALUES``) the word that fits.
    :param parameters: the highest ``$n`` in `text`; 0 where there is none, or where they are SQLite's own (``?``, ``:name``).
    :param casts: ``n`` (from 1) to the type name of ``$n::type`` and ``CAST($n AS type)``.
    :param argument: what the kind needs.
    :param asks: it has words that only the schema can make clear; see :func:`ha.sql.statements.with_schema`.
    :param may_ask: what it says may hang on types that clients make: where there are such, it is made with the schema, too.
    :param acts: it moves a sequence, writes a large object or says NOTIFY, and so needs the writer even where SQLite calls it a read.
    :param objects: it calls functions of large objects, which remember what a transaction has open.
    :param asks_types: it calls ``pg_typeof``, whose answer is found by :func:`ha.sql.infer.asked`.
    :param parts: the queries of its WITH that write, each to be run before it.
    :param edits: where `sql` differs from `text`, as (offset in `text`, offset in `sql`) of points from which both run on alike.
    :param said: the client's words where `text` has other names; `renamed` are the edits between the two.
    :param schema: the schema in which it makes something, where that is not public.
    :param exact: the parameters whose values are wanted with all their digits, where they are numerics.
    :param given: the types of ``$1``, ``$2`` … as the client declared them when it prepared the statement; None where it did not.
    """

    text: str
    offset: int
    kind: Kind
    sql: str
    verb: str
    parameters: int = 0
    casts: tuple[tuple[int, str], ...] = ()
    argument: Argument = None
    edits: tuple[tuple[int, int], ...] = ()
    acts: bool = False
    given: tuple[str | None, ...] = ()
    asks: bool = False
    asks_types: bool = False
    parts: tuple[Part, ...] = ()
    may_ask: bool = False
    said: str | None = None
    renamed: tuple[tuple[int, int], ...] = ()
    schema: str | None = None
    objects: bool = False
    exact: tuple[int, ...] = ()

    @property
    def words(self) -> str:
        """The client's own, whatever was made of them."""
        return self.text if self.said is None else self.said
