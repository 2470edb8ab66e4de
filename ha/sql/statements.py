"""A client's text, cut into statements, each with its kind, its arguments and its words for SQLite. [pure]

::

    for statement in split("BEGIN; INSERT INTO t VALUES ($1::int); COMMIT"):
        ...

Promises: the statements come in order, and their texts with what lies between them (semicolons, white space) are the
whole text again; a text without any statement gives one of kind EMPTY; the same text gives the same objects as long as the
cache keeps them; the only exception is :class:`ha.errors.StatementError`, its position counted in the client's text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from ha.errors import StatementError
from ha.sql import domains, enums, merge
from ha.sql.bracketed import without_brackets
from ha.sql.commands import COMMANDS
from ha.sql.definitions import DEFINITIONS, ITSELF, explained
from ha.sql.edits import Edits, back, composed
from ha.sql.elementorder import ordered
from ha.sql.expressions import Schema
from ha.sql.kinds import Alteration as Alteration
from ha.sql.kinds import AlterTable as AlterTable
from ha.sql.kinds import Argument as Argument
from ha.sql.kinds import Begin as Begin
from ha.sql.kinds import Copy as Copy
from ha.sql.kinds import CreateMaterialized as CreateMaterialized
from ha.sql.kinds import Declare as Declare
from ha.sql.kinds import Drop as Drop
from ha.sql.kinds import End as End
from ha.sql.kinds import Execute as Execute
from ha.sql.kinds import Explain as Explain
from ha.sql.kinds import Fetch as Fetch
from ha.sql.kinds import Kind as Kind
from ha.sql.kinds import Name as Name
from ha.sql.kinds import Notify as Notify
from ha.sql.kinds import Prepare as Prepare
from ha.sql.kinds import Script as Script
from ha.sql.kinds import SetVariable as SetVariable
from ha.sql.kinds import Statement as Statement
from ha.sql.kinds import Truncate as Truncate
from ha.sql.literalrows import LENGTH_MIN, fitted_rows, literal_rows
from ha.sql.namespaces import Names, placed
from ha.sql.reader import Reader
from ha.sql.rewriting import Rewriting, Translation
from ha.sql.tokens import TEXTS, Token, literal, tokenize
from ha.sql.translate import translate
from ha.sql.typed import Types
from ha.sql.unfolding import unfolded

#: Longer texts are not kept: they are data, and seldom come twice.
CACHED_TEXT_MAX = 4096
#: Texts kept. With the limit above and what is made of them, at most some 60 MiB; ordinary texts make it one or two.
CACHED_TEXTS = 4096


def split(text: str, *, sqlite_order: bool = False) -> tuple[Statement, ...]:
    """The statements of `text`.

    :param sqlite_order: leave ``ORDER BY`` to SQLite, which puts NULLs first; else they come as in PostgreSQL.
    :raises StatementError: 42601 with a position for a literal without end or a session's command that does not parse; nothing
        is known then of the statements before it (PostgreSQL runs none of them either).
    """
    if len(text) <= CACHED_TEXT_MAX:
        return _split_cached(text, sqlite_order)
    return _split(text, sqlite_order)


def client_position(statement: Statement, offset: int) -> int:
    """Where in the client's whole text that is which SQLite calls `offset` in `statement.sql`; both in characters from 0."""
    return _in_clients(statement, back(statement.edits, offset, len(statement.text)))


def _in_clients(statement: Statement, at: int) -> int:
    """A place in the statement's text, which may have other names than the client wrote, as one in the client's whole text."""
    if statement.said is not None:
        at = back(statement.renamed, at, len(statement.said))
    return statement.offset + at


_SHOWN = re.compile(
    r': "(?P<value>.*)"|value "(?P<number>[^"]*)" is out of range .*|there is no parameter (?P<mark>\$\d+)', re.DOTALL
)


def literal_position(statement: Statement, message: str) -> int | None:
    """Where the literal or parameter stands that an error shows; in characters from 1 in the client's whole text."""
    match = _SHOWN.search(message)
    if match is None or not message.endswith(match[0]):
        return None
    value = match["value"] if match["value"] is not None else match["number"]
    text = statement.words
    for token in tokenize(text):
        if token.key == match["mark"] or (token.kind in TEXTS and literal(text, token) == value):
            return statement.offset + token.start + 1
    return None


@lru_cache(maxsize=CACHED_TEXTS)
def _split_cached(text: str, sqlite_order: bool) -> tuple[Statement, ...]:
    return _split(text, sqlite_order)


def _split(text: str, sqlite_order: bool) -> tuple[Statement, ...]:
    if not text.isascii():
        _encodable(text)
    if len(text) >= LENGTH_MIN:
        start, end = _stripped(text, 0, len(text))
        end = _stripped(text, start, end - 1)[1] if text[end - 1 : end] == ";" else end
        words = text[start:end]
        if literal_rows(words) is not None:
            return (Statement(words, start, Kind.SQL, words, "INSERT", asks=not sqlite_order),)
    tokens = tokenize(text)
    found = []
    for first, last, start, end in _ranges(text, tokens):
        found.append(_statement(text, tokens[first:last], start, end, sqlite_order))
    if not found:
        start, end = _stripped(text, 0, len(text))
        return (Statement(text[start:end], start, Kind.EMPTY, "", ""),)
    return tuple(found)


def _encodable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise StatementError("22021", "a statement cannot contain a lone surrogate", position=error.start + 1) from None


def _ranges(text: str, tokens: list[Token]) -> list[tuple[int, int, int, int]]:
    """Each statement's tokens (from, to before) and its words (from, to before), without empty ones."""
    found, first, start = [], 0, 0
    for index, token in enumerate(tokens):
        if token.key == ";" and not _inside_trigger(tokens, first, index):
            if index > first:
                found.append((first, index, *_stripped(text, start, token.start)))
            first, start = index + 1, token.end
    if first < len(tokens):
        found.append((first, len(tokens), *_stripped(text, start, len(text))))
    return found


#: Verbs of statements that may say something about values of types that clients make.
_ASKING = frozenset(("SELECT", "INSERT", "UPDATE", "DELETE", "CREATE TABLE", "CREATE VIEW", "ALTER TABLE"))

_BLANK = " \t\n\r\f\v\ufeff"


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    words = text[start:end].lstrip(_BLANK)
    start = end - len(words)
    return start, start + len(words.rstrip(_BLANK))


def _inside_trigger(tokens: list[Token], first: int, semicolon: int) -> bool:
    """Is this semicolon one of a trigger's body? It closes the trigger only after an END that follows another semicolon."""
    if tokens[first].key not in ("CREATE", "EXPLAIN"):
        return False
    head = [token.key for token in tokens[first : first + 7]]
    if "TRIGGER" not in head or head.index("CREATE") > 3:
        return False
    if not any(
        head[head.index("CREATE") + 1 + by] == "TRIGGER" for by in range(2) if len(head) > head.index("CREATE") + 1 + by
    ):
        return False
    begun = any(token.key == "BEGIN" for token in tokens[first:semicolon])
    return begun and not (tokens[semicolon - 1].key == "END" and tokens[semicolon - 2].key == ";")


def in_path(statement: Statement, names: Names) -> Statement:
    """The statement of a client with a search_path of its own, as `names` finds what it names.

    :raises StatementError: as :func:`split`.
    """
    text = statement.words
    tokens = tokenize(text)
    try:
        found = _statement(text, tokens, 0, len(text), False, names)
    except StatementError as error:
        if error.position is not None:
            error.position += statement.offset
        raise
    return replace(found, offset=statement.offset, given=statement.given)


def _statement(
    text: str, tokens: Sequence[Token], start: int, end: int, sqlite_order: bool, names: Names | None = None
) -> Statement:
    """
    :param names: what the client's search_path makes of names without a schema, if it finds any but the plain ones.
    """

    def inner(first: int, last: int) -> Statement:
        if first >= last:
            raise StatementError("42601", "syntax error at end of input", position=end + 1)
        return _statement(text, tokens[first:last], tokens[first].start, tokens[last - 1].end, sqlite_order, names)

    words = text[start:end]
    key = tokens[0].key
    if key in ("INSERT", "CREATE") and not sqlite_order:
        bare = without_brackets(text, tokens)
        if bare is not None:
            text, words = bare, bare[start:end]
            tokens = [token for token in tokenize(text) if start <= token.start < end]
    if not sqlite_order and (names is not None or "." in words):
        ours = placed(text, tokens, start, end, names)
        if ours is not None:
            return replace(_renamed(words, start, ours.text, ours.edits), schema=ours.creates)
    if key == "CREATE" and not sqlite_order:
        sorted_ = ordered(text, tokens, start, end)
        if sorted_ is not None:
            return _renamed(words, start, *sorted_)
    command = COMMANDS.get(key)
    if command is not None:
        kind, verb, argument = command(Reader(text, tokens, inner, sqlite_order, names))
        return Statement(words, start, kind, words, verb, argument=argument)
    definition = DEFINITIONS.get(key)
    verb, argument = key, None
    if definition is not None:
        outcome = definition(Reader(text, tokens, inner, sqlite_order, names))
        if outcome is not None:
            kind, verb, argument = outcome
            if isinstance(argument, Script) and ITSELF in argument.texts:
                own = translate(text, tokens, start, end, verb=verb).sql
                argument = replace(argument, texts=tuple(own if one == ITSELF else one for one in argument.texts))
            if isinstance(argument, CreateMaterialized):
                argument = replace(argument, text=translate(text, tokens, start, end, verb=verb).sql)
                return Statement(words, start, kind, argument.text, verb, argument=argument)
            if kind is not Kind.SQL:
                return Statement(words, start, kind, words, verb, argument=argument)
            if isinstance(argument, Explain):
                one = argument.statement
                return Statement(
                    words, start, kind, explained(argument, one), verb, one.parameters, one.casts, argument
                )
            if isinstance(argument, Script):  # one text of ours instead of the client's
                asking = not sqlite_order and verb in _ASKING
                return Statement(words, start, kind, argument.texts[0], verb, may_ask=asking)
    elif key == "(" or key in ("VALUES", "TABLE"):
        verb = "SELECT"
    elif key == "WITH":
        verb = _after_with(tokens)
    elif key == "REPLACE":
        verb = "INSERT"
    merges = verb == "MERGE" and not sqlite_order
    if merges:
        tokens = merge.readable(Rewriting(text, tokens, verb, False, translate))
    made: Translation = translate(text, tokens, start, end, verb=verb, sqlite_order=sqlite_order)
    return Statement(
        words,
        start,
        Kind.SQL,
        made.sql,
        verb,
        made.parameters,
        made.casts,
        argument,
        made.edits,
        made.acts,
        asks=made.asks or merges,
        asks_types=made.asks_types,
        may_ask=not sqlite_order and verb in _ASKING,
        objects=made.objects,
    )


def _renamed(words: str, start: int, text: str, edits: Edits) -> Statement:
    """The statement of a client's words that were written anew as `text`."""
    try:
        found = _statement(text, tokenize(text), 0, len(text), False)
    except StatementError as error:
        if error.position is not None:
            error.position = start + back(edits, error.position - 1, len(words)) + 1
        raise
    if found.said is not None:  # and then once more
        edits = composed(edits, found.renamed)
    return replace(found, offset=start, said=words, renamed=edits)


def with_schema(statement: Statement, schema: Schema) -> Statement:
    """The statement with the words that its columns' types ask for.

    :raises StatementError: what it says is impossible with these types, its position counted in the client's text.
    """
    rows = literal_rows(statement.text)
    if rows is not None:
        sql, edits = fitted_rows(statement.text, rows, schema)
        return replace(statement, sql=sql, edits=edits, asks=False)
    tokens = tokenize(statement.text)
    if statement.verb == "CREATE VIEW":
        query = tokens[next((at for at, token in enumerate(tokens) if token.key == "AS"), 0) + 1 :]
        types = Types(statement.text, query, schema)
        enums.refuse_stored(Rewriting(statement.text, query, "SELECT", False, translate, types), types)
        return statement
    if statement.verb == "CREATE TABLE":
        types = Types(statement.text, tokens, schema)
        rewriting = Rewriting(statement.text, tokens, statement.verb, False, translate, types)
        enums.check_defaults(rewriting, types)
        text = domains.in_table(rewriting, types)
        return statement if text is None else replace(statement, sql=split(text)[0].sql, edits=())
    if statement.verb == "ALTER TABLE":
        types = Types(statement.text, tokens, schema)
        domains.refuse_altered(Rewriting(statement.text, tokens, statement.verb, False, translate, types), types)
        return statement
    merging = statement.verb == "MERGE"
    if merging:
        tokens = merge.readable(Rewriting(statement.text, tokens, "MERGE", False, translate))
    argument = statement.argument
    try:
        text, words, edits = unfolded(statement.text, tokens, statement.verb, schema, statement.given)
        try:
            types = Types(text, words, schema, statement.given)
            made = translate(text, words, 0, len(text), verb=statement.verb, types=types, shown=True)
            if merging:
                sql, argument, points = merge.unfolded(made, types, Rewriting(text, words, "MERGE", False, translate))
                made = made._replace(sql=sql, edits=points)
        except StatementError as error:
            if error.position is not None:
                error.position = back(edits, error.position - 1, len(statement.text)) + 1
            raise
    except StatementError as error:
        if error.position is not None:
            error.position = _in_clients(statement, error.position - 1) + 1
        raise
    edits = composed(edits, made.edits) if edits else made.edits
    return replace(
        statement,
        sql=made.sql,
        edits=edits,
        acts=made.acts,
        asks=False,
        parts=made.parts,
        argument=argument,
        exact=made.exact,
    )


def _after_with(tokens: Sequence[Token]) -> str:
    """The verb of a statement that begins with common table expressions."""
    depth = 0
    for token in tokens:
        key = token.key
        if key == "(":
            depth += 1
        elif key == ")":
            depth -= 1
        elif depth == 0 and key in ("SELECT", "INSERT", "REPLACE", "UPDATE", "DELETE", "VALUES", "MERGE"):
            return {"REPLACE": "INSERT", "VALUES": "SELECT"}.get(key, key)
    return "SELECT"
