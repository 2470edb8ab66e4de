"""What a connection makes of a client's statement: found once for each text, and kept while the schema stands.

A statement that comes again costs one look-up, whatever it is: how its columns' types want it spelled, whether it reads, what it
wants and gives, whether the catalog must be there for it.

Every function works on a :class:`~ha.backend.Backend`. They run in whatever thread has the connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ha.errors import StatementError
from ha.sql.carried import BOUND_MAX
from ha.sql.declarations import NO_COLUMN
from ha.sql.definitions import explained
from ha.sql.infer import asked, columns, parameters
from ha.sql.kinds import Explain, Merge, Statement
from ha.sql.statements import client_position, literal_position
from ha.sqlite import functionscripts
from ha.sqlite.catalog import mentions
from ha.sqlite.connection import Connection, Facts, Source
from ha.sqlite.declared import Declared, fitted
from ha.sqlite.fetch import check_parameters, facts_of
from ha.sqlite.merging import merging_facts
from ha.sqlite.schemas import in_its_schema
from ha.sqlite.scripts import is_of_view
from ha.values import Column, Description, Parameters

if TYPE_CHECKING:
    from ha.backend import Backend, Ways

#: The verbs whose tag carries a count of changed rows.
COUNTED = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE"})

#: How a client reads: as PostgreSQL, as PostgreSQL with INTEGER of 32 bits, as SQLite.
POSTGRESQL, NARROW, SQLITE = "postgresql", "int4", "sqlite"

#: What is wrong with a literal, or with a parameter's number.
LITERALS_FAULTS = frozenset(("22P02", "22007", "22008", "22003", "42P02"))


@dataclass(frozen=True, slots=True)
class Shape:
    """What inference made of a statement, and the facts that it made it of."""

    facts: Facts
    columns: tuple[Column, ...] | None
    parameters: tuple[str | None, ...]
    #: What its calls of pg_typeof answer.
    asked: tuple[str | None, ...] = ()
    #: The parameters whose values are wanted with all their digits.
    exact: tuple[int, ...] = ()

    def describes(self, statement: Statement) -> Description:
        """What `statement`, which has this shape, wants and gives."""
        unknown = max(statement.parameters, len(self.facts.parameters)) - len(self.parameters)
        return Description(self.parameters + (None,) * unknown, self.columns, self.exact)


@dataclass(frozen=True, slots=True)
class Judgement:
    """One statement as one connection sees it.

    :param statement: as the types of its columns want it; where it stands in a client's text is another's.
    :param reads: any reading connection can run it; only then `shape` is there.
    :param parameters: their names, or None; more than `facts` has where SQLite takes them as one.
    """

    statement: Statement
    facts: Facts
    reads: bool
    shape: Shape | None
    parameters: Sequence[str | None]

    def check(self, said: Statement, values: Parameters) -> None:
        """Is there a value for each parameter?

        :param said: the client's own statement.
        :raises StatementError: 42P02, 07001.
        """
        if len(values) == len(self.parameters) and values.__class__ is not dict:
            return
        try:
            check_parameters(self.parameters, values)
        except StatementError as error:
            raise self.placed(error, said) from None

    def placed(self, error: StatementError, said: Statement) -> StatementError:
        """`error` with its position as one in the client's text, see :func:`placed`."""
        return placed(error, replace(self.statement, offset=said.offset))


def known(backend: Backend, connection: Connection, statement: Statement, ways: Ways) -> Judgement | None:
    """What `connection` made of the statement before; None if it must be judged, as what speaks of the catalog always must."""
    connection.context = backend.context
    found: Judgement | None = connection.known((statement.text, statement.given, ways.dialect, ways.path))
    return found


def judge(backend: Backend, connection: Connection, statement: Statement) -> Judgement:
    """Have `connection` judge a statement that it is to run; what the statement names of the catalog is there afterwards.

    :raises StatementError: SQLite cannot prepare it, or the guard refuses it; 3F000, it makes something in a schema that is not there.
    """
    ways = backend.ways
    found = known(backend, connection, statement, ways)
    if found is not None:
        return found
    said, statement = statement, in_its_schema(connection, statement, ways.path)
    if ways.dialect != SQLITE:
        statement = functionscripts.written_out(connection, statement)
    fitting = fitted(connection, statement)
    if isinstance(fitting.argument, Explain):
        fitting = _explaining(connection, fitting, fitting.argument, ways)
    try:
        if isinstance(fitting.argument, Merge):
            facts = merging_facts(connection, fitting.sql, fitting.argument)
        else:
            facts = facts_of(connection, fitting.sql)
    except StatementError as error:
        if fitting.verb != "CREATE INDEX" or not is_of_view(connection, fitting.sql):
            raise placed(error, fitting) from error
        fitting = replace(fitting, sql="")  # a view that is materialized is always new here, and has no rows to find
        facts = facts_of(connection, fitting.sql)
    reads = facts.readonly and not fitting.acts
    shape = shape_of(backend, connection, fitting, facts) if reads else None
    taken = (None,) * fitting.parameters if fitting.parameters > BOUND_MAX else facts.parameters
    found = Judgement(fitting, facts, reads, shape, taken)
    if not mentions(fitting.sql):  # the catalog must be filled each time before it is read
        connection.keep((said.text, said.given, ways.dialect, ways.path), found)
    return found


def _explaining(connection: Connection, statement: Statement, argument: Explain, ways: Ways) -> Statement:
    """An EXPLAIN with the text for what it explains, which must itself be possible."""
    inner = fitted(connection, in_its_schema(connection, argument.statement, ways.path))
    try:
        facts_of(connection, inner.sql)
    except StatementError as error:
        raise placed(error, inner) from error
    return replace(statement, sql=explained(argument, inner))


def shape_of(backend: Backend, connection: Connection, statement: Statement, facts: Facts) -> Shape:
    """Names and types, inferred once per text and schema. SQLite's own clients get SQLite's own names."""
    dialect = backend.ways.dialect
    if dialect == SQLITE:
        return Shape(facts, tuple(Column(one.name, one.decltype) for one in facts.columns) or None, ())
    shapes = backend.replica.shapes
    key = (statement.text, statement.given, dialect)
    found = shapes.get(key)
    if found is None or (found.facts is not facts and found.facts != facts):
        schema = Declared(connection, narrow=dialect == NARROW)
        found = Shape(
            facts,
            _columns(statement, schema.sources(facts.columns), schema),
            wanted := parameters(statement, schema),
            asked(statement, schema, wanted) if statement.asks_types else (),
            statement.exact,
        )
        shapes.keep(key, found)
    return found


def _columns(statement: Statement, sources: Sequence[Source], schema: Declared) -> tuple[Column, ...] | None:
    """The columns of a statement's rows; None where it gives no rows.

    :raises StatementError: 0A000, what stands for no column stands beside one.
    """
    if not sources:
        return None
    none = sum(source.name == NO_COLUMN for source in sources)
    if not none:
        return schema.placed(columns(statement, sources, schema), sources)
    if statement.verb in COUNTED:
        raise StatementError("42601", "RETURNING must have at least one column")
    if none < len(sources):
        raise StatementError(
            "0A000", "a table without columns beside another is not supported", hint="Name the columns."
        )
    return ()


def placed(error: StatementError, statement: Statement) -> StatementError:
    """`error` with its position, found in SQLite's text, as one in the client's; PostgreSQL tells none for what defines."""
    if error.position is not None:
        defines = statement.verb not in COUNTED and statement.verb not in ("SELECT", "CREATE VIEW", "EXPLAIN")
        error.position = (
            None if defines and error.sqlstate != "42601" else client_position(statement, error.position - 1) + 1
        )
    elif error.sqlstate in LITERALS_FAULTS:
        error.position = literal_position(statement, error.message)
    return error
