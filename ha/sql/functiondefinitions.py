"""CREATE FUNCTION and DROP FUNCTION, read into what they say. [pure]

Each function reads what follows the first words. A function is made where it is one query of one value: of LANGUAGE sql with a
SELECT, or of plpgsql with a body that is nothing but RETURN.
"""

from __future__ import annotations

from typing import Final

from ha.errors import StatementError
from ha.sql import kinds
from ha.sql.kinds import Kind
from ha.sql.reader import Parsed, Reader, refused
from ha.sql.storedfunctions import ARGUMENTS_MAX, Argument, Function
from ha.sql.tokens import TEXTS, tokenize
from ha.sql.typenames import read_type

_HINT: Final = "Functions can be of LANGUAGE sql, with one SELECT of one value; triggers are SQLite's own: CREATE TRIGGER … BEGIN …; END."
_AFTER_TYPE: Final = frozenset((",", ")", "DEFAULT", "="))
_VOLATILITIES: Final = {"IMMUTABLE": "i", "STABLE": "s", "VOLATILE": "v"}
#: Of arguments that are not given, or of which there may be any number.
_MODES: Final = frozenset(("OUT", "INOUT", "VARIADIC"))
#: Results that are no value.
_NO_VALUES: Final = frozenset("SETOF TABLE TRIGGER EVENT_TRIGGER RECORD VOID".split())


def create_function(reader: Reader, *, replaces: bool) -> Parsed:
    """What follows CREATE [OR REPLACE] FUNCTION."""
    name = reader.type_name()
    if "." in name:
        return refused("CREATE FUNCTION in a schema", "Make it in public.")
    arguments = _arguments(reader)
    if arguments is None or not reader.take("RETURNS") or reader.key in _NO_VALUES:
        return refused("CREATE FUNCTION of this kind", _HINT)
    result = reader.type_words()
    language, code, query, strict, volatility = "sql", None, None, False, "v"
    while reader.key and reader.key != ";":
        if reader.take("LANGUAGE"):
            language = reader.string() if reader.tokens[reader.at].kind in TEXTS else reader.name()
        elif reader.take("AS"):
            code = reader.string()
        elif reader.take("RETURN"):
            query = "SELECT " + reader.expression(frozenset((";",)))
        elif reader.take("STRICT") or reader.take("RETURNS", "NULL", "ON", "NULL", "INPUT"):
            strict = True
        elif reader.key in _VOLATILITIES:
            volatility = _VOLATILITIES[reader.key]
            reader.at += 1
        elif reader.take("PARALLEL") or reader.take("COST"):
            reader.at += 1
        elif not (
            reader.take("CALLED", "ON", "NULL", "INPUT") or reader.take("LEAKPROOF") or reader.take("NOT", "LEAKPROOF")
        ):
            if not (reader.take("SECURITY", "DEFINER") or reader.take("SECURITY", "INVOKER")):
                return refused("CREATE FUNCTION of this kind", _HINT)
    source = code if code is not None else query
    if query is None:
        query = _query(language.lower(), code or "")
    if query is None or source is None:
        return refused("CREATE FUNCTION of this kind", _HINT)
    one = Function(name, arguments, result, query, strict, volatility, language.lower(), source)
    return Kind.SCRIPT, "CREATE FUNCTION", kinds.CreateFunction(one, replaces)


def _arguments(reader: Reader) -> tuple[Argument, ...] | None:
    """The arguments; None where one is not only given."""
    found: list[Argument] = []
    reader.expect("(")
    while reader.key != ")":
        if reader.key in _MODES or reader.ahead() in _MODES:
            return None
        reader.take("IN")
        name = ""
        _, after = read_type(reader.text, reader.tokens, reader.at)
        if after >= len(reader.tokens) or reader.tokens[after].key not in _AFTER_TYPE:
            name = reader.name()
            reader.take("IN")
        words, default = reader.type_words(), None
        if reader.take("DEFAULT") or reader.take("="):
            default = reader.expression(frozenset((",",)))
        found.append(Argument(name, words, default))
        if len(found) > ARGUMENTS_MAX:
            raise StatementError("54023", f"functions cannot have more than {ARGUMENTS_MAX} arguments")
        if not reader.take(","):
            break
    reader.expect(")")
    return tuple(found)


def _query(language: str, code: str) -> str | None:
    """The SELECT that a body is; None where it is more, or something else."""
    tokens = [token for token in tokenize(code) if token.key != ""]
    while tokens and tokens[-1].key == ";":
        tokens.pop()
    keys = [token.key for token in tokens]
    if language == "plpgsql":
        if keys[:2] != ["BEGIN", "RETURN"] or keys[-2:] != [";", "END"] or keys.count(";") != 1 or len(keys) < 5:
            return None
        return f"SELECT {code[tokens[2].start : tokens[-3].end]}"
    if language != "sql" or keys[:1] not in (["SELECT"], ["WITH"]) or ";" in keys or not _WRITES.isdisjoint(keys):
        return None
    return code[tokens[0].start : tokens[-1].end]


#: What a query that changes something says.
_WRITES: Final = frozenset(
    ("INSERT", "UPDATE", "DELETE", "MERGE", "INTO", "NEXTVAL", "SETVAL", "PG_NOTIFY", "LO_CREAT", "LO_PUT")
)


def drop_function(reader: Reader) -> Parsed:
    """What follows DROP FUNCTION."""
    exists = reader.take("IF", "EXISTS")
    found: list[tuple[str, tuple[str, ...] | None]] = []
    while True:
        name, types = reader.type_name(), None
        if reader.key == "(":
            given = _arguments(reader)
            types = tuple(one.words for one in given) if given is not None else None
        found.append((name, types))
        if not reader.take(","):
            break
    reader.one_of("CASCADE", "RESTRICT")
    reader.end()
    return Kind.SCRIPT, "DROP FUNCTION", kinds.DropFunction(tuple(found), exists)
