"""Statements about objects and about the server: which are accepted without meaning, which are refused. [pure]

Each function reads what follows the first word and returns what is to be done, or None where SQLite shall be given the
words as they are (after translation).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ha.errors import StatementError
from ha.sql import kinds
from ha.sql.alterations import alter
from ha.sql.functiondefinitions import create_function, drop_function
from ha.sql.kinds import Kind
from ha.sql.likeness import create_like
from ha.sql.namespaces import BUILT_IN, PUBLIC, joined
from ha.sql.procedures import body_of
from ha.sql.reader import Parsed, Reader, refused
from ha.sql.sequencedefinitions import counted_from, create_sequence, identity_start
from ha.sql.tablequeries import create_as
from ha.sql.tokens import quoted, quoted_name
from ha.sql.typedefinitions import create_domain, create_type, drop_domain, drop_type

#: In a script: the client's own statement, translated.
ITSELF = ""


def _nothing(verb: str) -> Callable[[Reader], Parsed]:
    def read(reader: Reader) -> Parsed:
        return Kind.NOTHING, verb, None

    return read


def _never(what: str, hint: str | None = None) -> Callable[[Reader], Parsed]:
    def read(reader: Reader) -> Parsed:
        return refused(what, hint)

    return read


def truncate(reader: Reader) -> Parsed:
    reader.take("TABLE")
    tables = []
    while True:
        reader.take("ONLY")
        tables.append(reader.qualified())
        reader.take("*")
        if not reader.take(","):
            break
    restart = reader.take("RESTART", "IDENTITY")
    reader.take("CONTINUE", "IDENTITY")
    cascade = reader.take("CASCADE")
    reader.take("RESTRICT")
    reader.end()
    return Kind.SCRIPT, "TRUNCATE TABLE", kinds.Truncate(tuple(tables), restart, cascade)


_REFUSED_OBJECTS = {
    "AGGREGATE": None,
    "CAST": None,
    "COLLATION": None,
    "CONVERSION": None,
    "EVENT": None,
    "FOREIGN": None,
    "GROUP": None,
    "LANGUAGE": None,
    "OPERATOR": None,
    "POLICY": None,
    "PROCEDURE": "SQLite has no stored procedures.",
    "PUBLICATION": None,
    "ROLE": "Users are set with the node's options.",
    "RULE": "Use a trigger.",
    "SERVER": None,
    "SUBSCRIPTION": None,
    "TABLESPACE": None,
    "USER": "Users are set with the node's options.",
}


def create(reader: Reader) -> Parsed | None:
    first = reader.key
    if reader.take("TYPE"):
        return create_type(reader)
    if reader.take("DOMAIN"):
        return create_domain(reader)
    if (
        first == "OR"
        and reader.tokens[reader.at + 2 : reader.at + 3]
        and reader.tokens[reader.at + 2].key in _REPLACEABLE
    ):
        first = reader.tokens[reader.at + 2].key
    if first == "FUNCTION":
        replaces = reader.take("OR", "REPLACE")
        reader.expect("FUNCTION")
        return create_function(reader, replaces=replaces)
    if first in _REFUSED_OBJECTS:
        return refused(f"CREATE {first}", _REFUSED_OBJECTS[first])
    if "TRIGGER" in (first, *(token.key for token in reader.tokens[1:5])) and _executes(reader):
        return refused("CREATE TRIGGER … EXECUTE FUNCTION", "Write SQLite's: CREATE TRIGGER … BEGIN …; END.")
    if first == "EXTENSION":
        return Kind.NOTHING, "CREATE EXTENSION", None
    if first == "STATISTICS":
        return Kind.NOTHING, "CREATE STATISTICS", None
    if first == "SCHEMA":
        return _create_schema(reader)
    if first == "DATABASE":
        return _create_database(reader)
    verb = _create_verb(reader)
    if verb == "CREATE SEQUENCE":
        return create_sequence(reader)
    if first == "MATERIALIZED" and not reader.sqlite:
        reader.at += 1
        reader.expect("VIEW")
        exists = reader.take("IF", "NOT", "EXISTS")
        filled = [token.key for token in reader.tokens[-3:]] != ["WITH", "NO", "DATA"]
        return Kind.SCRIPT, verb, kinds.CreateMaterialized(reader.qualified(), ITSELF, filled, exists)
    if reader.take("OR", "REPLACE") and verb == "CREATE VIEW":
        temporary = bool(reader.one_of("TEMP", "TEMPORARY"))
        reader.expect("VIEW")
        schema = "temp." if temporary else ""
        dropped = f"DROP VIEW IF EXISTS {schema}{quoted_name(reader.qualified())}"
        return Kind.SCRIPT, verb, kinds.Script((dropped, ITSELF), temporary)
    if verb != "CREATE TABLE":
        return Kind.SQL, verb, None
    if not reader.sqlite and any(token.key == "LIKE" for token in reader.tokens):
        before = reader.at
        promise = _on_commit(reader)
        reader.at = before
        like = create_like(reader, promise)
        if like is not None:
            return Kind.SCRIPT, verb, like
    start = identity_start(reader)
    if start == 1:
        promise = _on_commit(reader)
        made = create_as(reader, promise) if not reader.sqlite else None
        return made or (Kind.SQL, verb, promise)
    reader.at = 1
    reader.one_of("GLOBAL", "LOCAL", "UNLOGGED")
    if reader.one_of("TEMP", "TEMPORARY"):
        return refused("START of an identity of a temporary table", "Insert the first value.")
    reader.expect("TABLE")
    reader.take("IF", "NOT", "EXISTS")
    return Kind.SCRIPT, verb, kinds.Script((ITSELF, counted_from(reader.qualified(), start)))


_REPLACEABLE = frozenset(("FUNCTION", "PROCEDURE", "AGGREGATE", "RULE", "LANGUAGE"))


def _executes(reader: Reader) -> bool:
    """Does a trigger call a function, as PostgreSQL's do?"""
    keys = [token.key for token in reader.tokens]
    return any(
        key == "EXECUTE" and keys[at + 1 : at + 2] in (["FUNCTION"], ["PROCEDURE"]) for at, key in enumerate(keys)
    )


def _on_commit(reader: Reader) -> kinds.OnCommit | None:
    """What a TEMP table loses at COMMIT, where its definition says so.

    :raises StatementError: 42P16, it is no TEMP table.
    """
    keys = [token.key for token in reader.tokens]
    at = next((at for at, key in enumerate(keys) if key == "COMMIT" and keys[at - 1] == "ON"), None)
    if at is None:
        return None
    reader.one_of("GLOBAL", "LOCAL")
    if not reader.one_of("TEMP", "TEMPORARY"):
        raise StatementError("42P16", "ON COMMIT can only be used on temporary tables")
    reader.expect("TABLE")
    reader.take("IF", "NOT", "EXISTS")
    table = reader.qualified()
    if keys[at + 1 : at + 2] == ["DROP"]:
        return kinds.OnCommit(table, kinds.DROP)
    if keys[at + 1 : at + 3] == ["DELETE", "ROWS"]:
        return kinds.OnCommit(table, kinds.DELETE_ROWS)
    return None


def _create_verb(reader: Reader) -> str:
    for token in reader.tokens[1:7]:
        if token.key in ("TABLE", "INDEX", "VIEW", "TRIGGER", "SEQUENCE"):
            return f"CREATE {token.key}"
    return "CREATE"


def _create_schema(reader: Reader) -> Parsed:
    """Who owns it means nothing; its name does.

    :raises StatementError: 42939, it is one of PostgreSQL's own; 0A000, it cannot be part of a table's name.
    """
    reader.expect("SCHEMA")
    exists = reader.take("IF", "NOT", "EXISTS")
    name = reader.name() if reader.key != "AUTHORIZATION" else None
    if reader.take("AUTHORIZATION"):
        owner = reader.name()
        name = owner if name is None else name
    assert name is not None
    if reader.key:
        return refused("CREATE SCHEMA with what is in it", "Create its tables with statements of their own.")
    if name.startswith("pg_"):
        raise StatementError(
            "42939",
            f'unacceptable schema name "{name}"',
            detail='The prefix "pg_" is reserved for system schemas.',
        )
    if name == PUBLIC:  # it is always there; a dump may want to make it nevertheless
        return Kind.NOTHING, "CREATE SCHEMA", None
    if name in BUILT_IN or "." in name or not name:
        return refused(
            f'A schema named "{name}"', "A table's name holds its schema's; SQLite has main and temp itself."
        )
    return Kind.SCRIPT, "CREATE SCHEMA", kinds.CreateSchema(name, exists)


def _drop_schema(reader: Reader) -> Parsed:
    reader.expect("SCHEMA")
    exists = reader.take("IF", "EXISTS")
    names = reader.listed(reader.name)
    cascade = reader.one_of("CASCADE", "RESTRICT") == "CASCADE"
    reader.end()
    return Kind.SCRIPT, "DROP SCHEMA", kinds.DropSchema(names, exists, cascade)


#: PostgreSQL's own databases: a copy of one of them is an empty database.
_TEMPLATES = frozenset(("TEMPLATE0", "TEMPLATE1", "POSTGRES", "DEFAULT"))


def _create_database(reader: Reader) -> Parsed:
    """Locale, owner and limits mean nothing here; a template and an encoding do."""
    reader.expect("DATABASE")
    name = reader.name()
    while reader.key:
        option = reader.key
        reader.at += 1
        reader.take("=")
        value = reader.key.strip("'\"").upper()
        if option == "TEMPLATE" and value not in _TEMPLATES:
            return refused(f"CREATE DATABASE with TEMPLATE {value.lower()}", "Copy the file of a node that is stopped.")
        if option == "ENCODING" and value.replace("-", "") not in ("UTF8", "UNICODE", "DEFAULT", "6"):
            return refused(f"ENCODING {value}", "Texts are UTF8.")
    return Kind.DATABASE, "CREATE DATABASE", kinds.CreateDatabase(name)


def _drop_database(reader: Reader) -> Parsed:
    reader.expect("DATABASE")
    if_exists = reader.take("IF", "EXISTS")
    name = reader.name()
    reader.take("WITH")
    force = reader.take("(", "FORCE", ")")
    reader.end()
    return Kind.DATABASE, "DROP DATABASE", kinds.DropDatabase(name, if_exists, force)


def drop(reader: Reader) -> Parsed | None:
    first = reader.key
    if reader.take("TYPE"):
        return drop_type(reader)
    if reader.take("DOMAIN"):
        return drop_domain(reader)
    if reader.take("FUNCTION"):
        return drop_function(reader)
    if first == "DATABASE":
        return _drop_database(reader)
    if first in _REFUSED_OBJECTS:
        reader.at += 1
        if reader.take("IF", "EXISTS"):
            return Kind.NOTHING, f"DROP {first}", None
        return refused(f"DROP {first}")
    if first == "SCHEMA":
        return _drop_schema(reader)
    if first in ("EXTENSION", "STATISTICS", "OWNED"):
        return Kind.NOTHING, f"DROP {first}", None
    materialized = first == "MATERIALIZED"
    if materialized:
        reader.at += 1
    return _drop_some(reader, materialized)


def _drop_some(reader: Reader, materialized: bool) -> Parsed | None:
    """DROP of one or several; RESTRICT and CASCADE mean nothing to SQLite."""
    what = reader.key
    if what not in ("TABLE", "INDEX", "VIEW", "TRIGGER", "SEQUENCE"):
        return None
    reader.at += 1
    verb = f"DROP {'MATERIALIZED ' if materialized else ''}{what}"
    reader.take("CONCURRENTLY")
    exists = "IF EXISTS " if reader.take("IF", "EXISTS") else ""
    kept = "TABLE" if what == "SEQUENCE" else what
    names: list[tuple[str, str]] = []
    start = reader.at
    while True:
        names.append(_dropped(reader))
        if not reader.take(","):
            break
    plain = kept == what == reader.tokens[1].key and start + 1 == reader.at and reader.at >= len(reader.tokens)
    if what == "TRIGGER" and reader.take("ON"):
        reader.qualified()
        plain = False
    cascade = reader.one_of("CASCADE", "RESTRICT") == "CASCADE"
    reader.end()
    if not reader.sqlite:
        return Kind.SCRIPT, verb, kinds.Drop(kept, tuple(names), bool(exists), cascade, materialized)
    if plain:
        return Kind.SQL, verb, None
    texts = tuple(f"DROP {kept} {exists}{words}" for _, words in names)
    return (Kind.SQL if len(texts) == 1 else Kind.SCRIPT), verb, kinds.Script(texts)


def _dropped(reader: Reader) -> tuple[str, str]:
    """What shall go: its name, and SQLite's words for it."""
    start = reader.at
    name = reader.name()
    if reader.take("."):
        schema, name = name, reader.name()
        if schema in ("temp", "pg_temp"):
            return name, f'"temp".{quoted_name(name)}'
        if reader.sqlite and schema != PUBLIC:
            return name, f"{quoted_name(schema)}.{quoted_name(name)}"
        name = joined(schema, name)
        return name, quoted_name(name)
    found = name if reader.path is None else reader.path.of(name)
    return found, quoted_name(found) if found != name else reader.words(start, reader.at)


_COMMENTED = {
    "TABLE": "table",
    "VIEW": "view",
    "SEQUENCE": "sequence",
    "INDEX": "index",
    "COLUMN": "column",
    "CONSTRAINT": "constraint",
}


def comment(reader: Reader) -> Parsed:
    """COMMENT ON: what is no relation, nor part of one, has none here."""
    reader.expect("ON")
    kind = _COMMENTED.get("VIEW" if reader.take("MATERIALIZED", "VIEW") else reader.key)
    if kind is None:
        return Kind.NOTHING, "COMMENT", None
    reader.one_of(*_COMMENTED)
    part = None
    if kind == "constraint":
        part = reader.name()
        reader.expect("ON")
        if reader.take("DOMAIN"):
            return Kind.NOTHING, "COMMENT", None
    if kind == "column":
        names = [reader.name()]
        while reader.take("."):
            names.append(reader.name())
        part = names.pop()
        if len(names) > 1 or reader.path is None:
            relation = joined(*names[-2:]) if len(names) > 1 else "".join(names)
        else:
            relation = reader.path.of("".join(names))
    else:
        relation = reader.qualified()
    reader.expect("IS")
    text = None if reader.take("NULL") else reader.string()
    reader.end()
    return Kind.SCRIPT, "COMMENT", kinds.Comment(kind, relation, part, text)


def vacuum(reader: Reader) -> Parsed | None:
    """Nothing: SQLite's own could give new rowids to rows without a key of their own, by which the nodes know them.

    VACUUM INTO is given to SQLite, where the guard refuses it.
    """
    if reader.key == "INTO" or reader.ahead() == "INTO":
        return None
    return Kind.NOTHING, "VACUUM", None


def analyze(reader: Reader) -> Parsed | None:
    """SQLite's own, of the database alone: without a name it would look at the system catalog, too, and write there."""
    if reader.key and not reader.ahead() and reader.key not in ("VERBOSE", "("):
        return None
    if reader.take("("):
        reader.at = reader.closing() + 1
    reader.take("VERBOSE")
    if not reader.key:
        return Kind.SQL, "ANALYZE", kinds.Script(("ANALYZE main",))
    name = reader.qualified()
    return Kind.SQL, "ANALYZE", kinds.Script((f"ANALYZE {quoted_name(name)}",))


def reindex(reader: Reader) -> Parsed | None:
    if reader.one_of("TABLE", "INDEX"):
        reader.take("CONCURRENTLY")
        return Kind.SQL, "REINDEX", kinds.Script((f"REINDEX {quoted_name(reader.qualified())}",))
    if reader.key in ("DATABASE", "SCHEMA", "SYSTEM") and reader.ahead():
        return Kind.SQL, "REINDEX", kinds.Script(("REINDEX",))
    return None


def refresh(reader: Reader) -> Parsed:
    reader.expect("MATERIALIZED", "VIEW")
    concurrently = reader.take("CONCURRENTLY")
    name = reader.qualified()
    if reader.take("WITH"):
        if reader.take("NO") and concurrently:
            raise StatementError("42601", "REFRESH options CONCURRENTLY and WITH NO DATA cannot be used together")
        reader.expect("DATA")
    reader.end()
    return Kind.SCRIPT, "REFRESH MATERIALIZED VIEW", kinds.Refresh(name)


#: Options of EXPLAIN that are on or off.
_SWITCHES = frozenset("ANALYZE ANALYSE VERBOSE COSTS SETTINGS BUFFERS WAL TIMING SUMMARY".split())
_OFF = frozenset(("OFF", "FALSE", "0"))


def explain(reader: Reader) -> Parsed | None:
    """One column ``QUERY PLAN``; EXPLAIN QUERY PLAN is SQLite's own, and so is all of it at SQLite's door but with options.

    :raises StatementError: 42601, 22023, no such option, or not so; 0A000, it cannot be run for this.
    """
    form, analyze, options = "text", False, not reader.sqlite
    if reader.key == "QUERY" and reader.ahead() == "PLAN":
        return None
    if reader.take("("):
        options = True
        while True:
            option = reader.name()
            value = "" if reader.key in (",", ")") else reader.value()
            if option.upper() in _SWITCHES:
                analyze = value.upper() not in _OFF if option.startswith("analy") else analyze
            elif option == "format":
                form = value.lower()
            else:
                raise StatementError("42601", f'unrecognized EXPLAIN option "{option}"')
            if not reader.take(","):
                break
        reader.expect(")")
    while (word := reader.one_of("ANALYZE", "ANALYSE", "VERBOSE")) != "":
        options, analyze = True, analyze or word != "VERBOSE"
    if not options:
        return None
    statement = reader.inner(reader.at, len(reader.tokens))
    if form not in ("text", "json", "xml", "yaml"):
        raise StatementError("22023", f'unrecognized value for EXPLAIN option "format": "{form}"')
    if isinstance(statement.argument, kinds.Execute):
        return Kind.EXECUTE, "EXPLAIN", replace(statement.argument, explained=form)
    if isinstance(statement.argument, (kinds.Declare, kinds.CreateTableAs)):
        statement = (
            statement.argument.statement if isinstance(statement.argument, kinds.Declare) else statement.argument.query
        )
        analyze = False
    if statement.kind is not Kind.SQL or statement.verb not in ("SELECT", "INSERT", "UPDATE", "DELETE", "MERGE"):
        return refused("EXPLAIN of this statement")
    if analyze and (statement.verb != "SELECT" or statement.parameters or statement.acts):
        return refused(
            "EXPLAIN ANALYZE of what writes or has parameters", "EXPLAIN tells the plan, and RETURNING what is written."
        )
    return Kind.SQL, "EXPLAIN", kinds.Explain(statement, form, analyze)


def explained(argument: kinds.Explain, statement: kinds.Statement) -> str:
    """SQLite's text for an EXPLAIN.

    :param statement: what is explained, in SQLite's words.
    """
    select = kinds.EXPLAINED_AS_JSON if argument.form == "json" else "SELECT plan"
    merged = statement.argument.table if isinstance(statement.argument, kinds.Merge) else ""
    given = (quoted(statement.sql), quoted(argument.form), str(int(argument.analyze)), quoted(merged))
    # The client gives values for its parameters, though nobody looks at them.
    values = "".join(f" OR ?{number}" for number in range(1, statement.parameters + 1))
    return f'{select} AS "QUERY PLAN" FROM pg_explain({", ".join(given)})' + (f" WHERE true{values}" if values else "")


def do(reader: Reader) -> Parsed | None:
    if reader.sqlite:
        return None
    return Kind.DO, "DO", kinds.Do(body_of(reader.text, reader.tokens))


#: First word to what reads the rest.
DEFINITIONS: dict[str, Callable[[Reader], Parsed | None]] = {
    "ALTER": alter,
    "ANALYZE": analyze,
    "ANALYSE": analyze,
    "CALL": _never("CALL", "SQLite has no stored procedures."),
    "CHECKPOINT": _nothing("CHECKPOINT"),
    "CLUSTER": _nothing("CLUSTER"),
    "COMMENT": comment,
    "CREATE": create,
    "DO": do,
    "DROP": drop,
    "EXPLAIN": explain,
    "GRANT": _nothing("GRANT"),
    "IMPORT": _never("IMPORT FOREIGN SCHEMA"),
    "LOAD": _never("LOAD"),
    "LOCK": _nothing("LOCK TABLE"),
    "REASSIGN": _nothing("REASSIGN OWNED"),
    "REFRESH": refresh,
    "REINDEX": reindex,
    "REVOKE": _nothing("REVOKE"),
    "SECURITY": _nothing("SECURITY LABEL"),
    "TRUNCATE": truncate,
    "VACUUM": vacuum,
}
