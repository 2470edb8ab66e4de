"""MERGE, which SQLite lacks: one query that finds what is to be done, and a statement for each thing that can be. [pure]

::

    MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET a = s.a WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.a)

    SELECT pg_packed(0, t.rowid, s.a) FROM s JOIN t ON (t.id = s.id)
    UNION ALL SELECT pg_packed(1, s.id, s.a) FROM s WHERE NOT EXISTS (SELECT 1 FROM t WHERE (t.id = s.id))
    UPDATE t SET a = ?2 WHERE rowid = ?1        INSERT INTO t (id, a) VALUES (?1, ?2)

The rows of the first, each the number of an action and its values, are read to their end before anything is done: so no condition and no
value sees what another row did, as in PostgreSQL. ``pg_packed`` makes one value of several, for each action has its own; a condition
decides in one place whether they are computed at all. What is not matched is found without the table in sight, as its columns
mean nothing there.

The statement is translated as it stands, with all the rules (:mod:`ha.sql.assignments` makes fit what is put into columns), and what
they made of it is cut and put together anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ha.errors import StatementError
from ha.sql.edits import back
from ha.sql.kinds import Merge, MergeAction
from ha.sql.modifying import is_part
from ha.sql.rewriting import Rewriting, Translation, elements
from ha.sql.tokens import NAMES, WORD, Token, quoted_name, tokenize, unquoted
from ha.sql.typed import Types

#: From a token to another, both included.
Span = tuple[int, int]

#: The name for what stands behind USING, where that is a query: it is asked twice, and must answer the same.
_SOURCE = "ha_source"


@dataclass(slots=True)
class When:
    """WHEN [NOT] MATCHED [AND condition] THEN action.

    :param at: where its action begins.
    :param action: ``UPDATE``, ``DELETE``, ``INSERT``, or ``DO`` for DO NOTHING.
    :param names: the columns that are assigned to, and the token of each; none where an INSERT names none.
    :param values: of an INSERT; none of DEFAULT VALUES.
    """

    matched: bool
    condition: Span | None
    at: int = 0
    action: str = ""
    names: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    values: list[Span] = field(default_factory=list)


@dataclass(slots=True)
class Merging:
    """Where the parts of a MERGE stand.

    :param start: its first word.
    :param target: the token of the table's name; `alias` is what the rest calls it.
    """

    start: int
    target: int
    table: str
    alias: str
    using: int
    source: Span
    condition: Span
    whens: list[When]


def read(rewriting: Rewriting, start: int) -> Merging:
    """Read the MERGE that begins at a token.

    :raises StatementError: 42601.
    """
    at = _expected(rewriting, start + 1, "INTO")
    if rewriting.key(at) == "ONLY" and rewriting.kind(at + 1) in NAMES:
        at += 1
    name = _name(rewriting, at)
    at = name + 1 + (rewriting.key(name + 1) == "*")
    alias = name
    if rewriting.key(at) == "AS":
        alias = _name(rewriting, at + 1)
    elif rewriting.kind(at) in NAMES and not (rewriting.kind(at) == WORD and rewriting.key(at) in ("USING", "FROM")):
        alias = at
    using = at if alias == name else alias + 1
    if rewriting.key(using) not in ("USING", "FROM"):
        raise rewriting.error(using)
    when = rewriting.clause_end(using + 1, frozenset(("WHEN",)))
    on = at = rewriting.clause_end(using + 1, frozenset(("ON", "WHEN")))
    while at < when:  # the last ON is its own, those before it are joins'
        on, at = at, rewriting.clause_end(at + 1, frozenset(("ON", "WHEN")))
    if rewriting.key(on) != "ON" or on == using + 1 or rewriting.key(when) != "WHEN" or when == on + 1:
        raise rewriting.error(when if rewriting.key(on) == "ON" and on > using + 1 else on)
    text, tokens = rewriting.text, rewriting.tokens
    found = Merging(
        start,
        name,
        unquoted(text, tokens[name]),
        unquoted(text, tokens[alias]),
        using,
        (using + 1, on - 1),
        (on + 1, when - 1),
        [],
    )
    while when < len(tokens):
        when = _when(rewriting, when, found.whens)
    return found


def _expected(rewriting: Rewriting, at: int, *words: str) -> int:
    """The token behind these words."""
    for word in words:
        if rewriting.key(at) != word:
            raise rewriting.error(at)
        at += 1
    return at


def _name(rewriting: Rewriting, at: int) -> int:
    """The last token of the name that begins here."""
    while rewriting.key(at + 1) == "." and rewriting.kind(at + 2) in NAMES:
        at += 2
    if rewriting.kind(at) not in NAMES:
        raise rewriting.error(at)
    return at


def _when(rewriting: Rewriting, at: int, whens: list[When]) -> int:
    """Read one WHEN; the token behind it."""
    at = _expected(rewriting, at, "WHEN")
    matched = rewriting.key(at) != "NOT"
    at = _expected(rewriting, at + (not matched), "MATCHED")
    condition = None
    if rewriting.key(at) == "AND":
        then = rewriting.clause_end(at + 1, frozenset(("THEN",)))
        if then == at + 1:
            raise rewriting.error(then)
        condition, at = (at + 1, then - 1), then
    at = _expected(rewriting, at, "THEN")
    found = When(matched, condition, at, rewriting.key(at))
    if found.action == "DO":
        end = _expected(rewriting, at, "DO", "NOTHING")
    elif found.action == "UPDATE" and matched:
        end = _set(rewriting, _expected(rewriting, at, "UPDATE", "SET"), found)
    elif found.action == "DELETE" and matched:
        end = at + 1
    elif found.action == "INSERT" and not matched:
        end = _insert(rewriting, at + 1, found)
    else:
        raise rewriting.error(at)
    if end < len(rewriting.tokens) and rewriting.key(end) != "WHEN":
        raise rewriting.error(end)
    if any(one.matched == matched and one.condition is None for one in whens):
        raise StatementError("42601", "unreachable WHEN clause specified after unconditional WHEN clause")
    whens.append(found)
    return end


def _set(rewriting: Rewriting, at: int, when: When) -> int:
    """``SET a = x, (b, c) = (y, z)``."""
    while True:
        end = rewriting.clause_end(at, frozenset((",", "WHEN")))
        places: list[int] = []
        equals = at + 1
        if rewriting.key(at) == "(":
            places = [first for first, _ in elements(rewriting, at)]
            equals = rewriting.partners[at] + 1
        elif rewriting.kind(at) in NAMES:
            places = [at]
        if not places or rewriting.key(equals) not in ("=", "["):
            raise rewriting.error(equals if places else at)
        if rewriting.key(equals) == "[":
            raise rewriting.refuse(equals, "assignment to an array's element", "Write the whole array.")
        if equals + 1 >= end:
            raise rewriting.error(end)
        values = [(equals + 1, end - 1)]
        if rewriting.key(at) == "(":
            opening = equals + 1 + (rewriting.key(equals + 1) == "ROW")
            if rewriting.key(opening) == "(" and rewriting.key(opening + 1) in ("SELECT", "WITH", "VALUES"):
                raise rewriting.refuse(opening, "(…) = (SELECT …) in MERGE", "Join what it asks to the source.")
            values = elements(rewriting, opening)
            if len(values) != len(places):
                raise StatementError("42601", "number of columns does not match number of values")
        when.places += places
        when.names += [unquoted(rewriting.text, rewriting.tokens[place]) for place in places]
        when.values += values
        if rewriting.key(end) != ",":
            return end
        at = end + 1


def _insert(rewriting: Rewriting, at: int, when: When) -> int:
    """``[(a, b)] VALUES (x, y)``, ``DEFAULT VALUES``."""
    if rewriting.key(at) == "DEFAULT":
        return _expected(rewriting, at, "DEFAULT", "VALUES")
    if rewriting.key(at) == "(":
        when.places = [first for first, _ in elements(rewriting, at)]
        when.names = [unquoted(rewriting.text, rewriting.tokens[place]) for place in when.places]
        at = rewriting.partners[at] + 1
    if rewriting.key(at) == "OVERRIDING":
        at += 3
    at = _expected(rewriting, at, "VALUES")
    if rewriting.key(at) != "(":
        raise rewriting.error(at)
    when.values = elements(rewriting, at)
    if when.places and len(when.values) != len(when.places):
        few = len(when.values) < len(when.places)
        raise StatementError(
            "42601",
            f"INSERT has more {'target columns' if few else 'expressions'} than {'expressions' if few else 'target columns'}",
            position=rewriting.tokens[when.places[len(when.values)] if few else when.values[len(when.places)][0]].start
            + 1,
        )
    return rewriting.partners[at] + 1


def beginning(rewriting: Rewriting) -> int:
    """The word MERGE, behind what WITH names."""
    return rewriting.clause_end(0, frozenset(("MERGE",)))


def readable(client: Rewriting) -> list[Token]:
    """The tokens of a MERGE with FROM for USING, so that what stands there is read as any FROM is.

    :raises StatementError: 42601, 0A000.
    """
    if client.key(0) == "WITH" and client.key(1) == "RECURSIVE":
        raise StatementError("42601", "WITH RECURSIVE is not supported for MERGE statement")
    found = list(client.tokens)
    using = read(client, beginning(client)).using
    found[using] = found[using]._replace(key="FROM")
    return found


def begin(rewriting: Rewriting, index: int) -> None:
    """The word MERGE: where it is one, it begins the whole statement."""
    if rewriting.key(index + 1) == "INTO" and is_part(rewriting, index):
        raise StatementError("0A000", "MERGE not supported in WITH query")


def unfolded(made: Translation, types: Types, client: Rewriting) -> tuple[str, Merge, tuple[tuple[int, int], ...]]:
    """The query, the actions, and where the query's words come from, of a MERGE that was translated.

    :param client: the client's own statement.
    :raises StatementError: 42P01, 42703, 42701, 0A000, 42712: what it names is not there, or is not what it must be.
    """
    asked = read(client, beginning(client))
    key = _checked(client, asked, types)
    ours = Rewriting(made.sql, tokenize(made.sql), "MERGE", False, _never)
    merging = read(ours, beginning(ours))
    written = _Written(made, ours.tokens)
    if merging.start:
        written.take((0, merging.start - 1))
    arms = [matched for matched in (True, False) if any(when.matched == matched for when in merging.whens)]
    source = merging.source
    apart = len(arms) > 1 and ours.key(source[0]) == "(" and ours.key(source[0] + 1) in ("SELECT", "WITH", "VALUES")
    if apart:
        close = ours.partners[source[0]]
        written.say(f"{', ' if merging.start else 'WITH '}{_SOURCE} AS MATERIALIZED ")
        written.take((source[0], close))
        source = (close + 1, source[1])
    for matched in arms:
        written.say(" UNION ALL " if matched is not arms[0] else " " if written.parts else "")
        written.say("SELECT CASE")
        for number, when in enumerate(merging.whens):
            if when.matched == matched:
                _choice(written, number, when, [f"{quoted_name(merging.alias)}.{word}" for word in key])
        written.say(f" END FROM {_SOURCE} " if apart else " END FROM ")
        written.take(source)
        written.say(" JOIN " if matched else " WHERE NOT EXISTS (SELECT 1 FROM ")
        written.say(f"{quoted_name(merging.table)} AS {quoted_name(merging.alias)}")
        written.say(" ON (" if matched else " WHERE (")
        written.take(merging.condition)
        written.say(")" if matched else "))")
    actions = tuple(_action(merging.table, when, key, types) for when in merging.whens)
    return "".join(written.parts), Merge(merging.table, len(key), actions), tuple(written.edits)


def _never(*_: object, **__: object) -> Translation:
    raise AssertionError("what was translated is not translated again")


class _Written:
    """Pieces of a translated text in another order, and where each stood in the client's."""

    def __init__(self, made: Translation, tokens: Sequence[Token]) -> None:
        self.parts: list[str] = []
        self.edits: list[tuple[int, int]] = []
        self._made = made
        self._tokens = tokens
        self._length = 0

    def say(self, words: str) -> None:
        self.parts.append(words)
        self._length += len(words)

    def take(self, span: Span) -> None:
        """These tokens and what lies between them."""
        start, end = self._tokens[span[0]].start, self._tokens[span[1]].end
        edits, here = self._made.edits, self._length - start
        self.edits.append((back(edits, start, len(self._made.sql)), self._length))
        self.edits += [(before, here + after) for before, after in edits if start < after < end]
        self.say(self._made.sql[start:end])
        self.edits.append((back(edits, end, len(self._made.sql)), self._length))


def _choice(written: _Written, number: int, when: When, key: Sequence[str]) -> None:
    """``WHEN condition THEN pg_packed(number, what names the row, values)``."""
    written.say(" WHEN ")
    if when.condition is None:
        written.say("true")
    else:
        written.take(when.condition)
    if when.action == "DO":
        written.say(" THEN NULL")
        return
    written.say(f" THEN pg_packed({', '.join([str(number), *(key if when.matched else ())])}")
    for value in when.values:
        written.say(", ")
        written.take(value)
    written.say(")")


def _action(table: str, when: When, key: Sequence[str], types: Types) -> MergeAction:
    target = quoted_name(table)
    which = " AND ".join(f"{word} = ?{number}" for number, word in enumerate(key, 1))
    if when.action == "UPDATE":
        assigned = ", ".join(f"{quoted_name(name)} = ?{number}" for number, name in enumerate(when.names, len(key) + 1))
        return MergeAction(f"UPDATE {target} SET {assigned} WHERE {which}", True)
    if when.action == "DELETE":
        return MergeAction(f"DELETE FROM {target} WHERE {which}", True)
    if when.action == "DO":
        return MergeAction("", when.matched)
    if not when.values:
        return MergeAction(f"INSERT INTO {target} DEFAULT VALUES", False)
    names = when.names or list(types.schema.columns(table) or ())[: len(when.values)]
    marks = ", ".join(f"?{number}" for number in range(1, len(when.values) + 1))
    return MergeAction(f"INSERT INTO {target} ({', '.join(map(quoted_name, names))}) VALUES ({marks})", False)


def _checked(client: Rewriting, merging: Merging, types: Types) -> Sequence[str]:
    """What names a row of the target, after a look at all that is assigned to."""
    own = types.schema.columns(merging.table)
    if own is None:
        raise StatementError(
            "42P01", f'relation "{merging.table}" does not exist', position=client.tokens[merging.target].start + 1
        )
    key = types.schema.row_key(merging.table)
    if not key:
        raise StatementError(
            "0A000",
            f'cannot execute MERGE on relation "{merging.table}"',
            detail="This operation is not supported for views.",
        )
    beside = types.reading.joined(merging.source[0], merging.source[1] + 1)
    if merging.alias.lower() in {*beside.tables, *beside.derived, *beside.called}:
        raise StatementError(
            "42712",
            f'name "{merging.alias}" specified more than once',
            detail="The name is used both as MERGE target table and data source.",
        )
    known = {name.lower() for name in own}
    for when in merging.whens:
        if when.action == "INSERT" and not when.names and len(when.values) > len(own):
            place = client.tokens[when.values[len(own)][0]].start + 1
            raise StatementError("42601", "INSERT has more expressions than target columns", position=place)
        for number, (name, place) in enumerate(zip(when.names, when.places, strict=True)):
            at = client.tokens[place].start + 1
            if name.lower() not in known:
                message = f'column "{name}" of relation "{merging.table}" does not exist'
                raise StatementError("42703", message, position=at)
            if name in when.names[:number]:
                if when.action == "INSERT":
                    raise StatementError("42701", f'column "{name}" specified more than once', position=at)
                raise StatementError("42601", f'multiple assignments to same column "{name}"')
        if not when.matched:
            spans = when.values if when.condition is None else [when.condition, *when.values]
            _refuse_target(client, merging, types, spans)
    return key


def _refuse_target(client: Rewriting, merging: Merging, types: Types, spans: Sequence[Span]) -> None:
    """What is not matched has no row of the table.

    :raises StatementError: 42P01.
    """
    whole, alias = types.reading.scope_at(merging.start), merging.alias
    for first, last in spans:
        for at in range(first, last):
            if client.key(at + 1) != "." or client.key(at - 1) == "." or client.kind(at) not in NAMES:
                continue
            inner = types.reading.scope_at(at)
            if unquoted(client.text, client.tokens[at]) == alias and (inner is whole or alias not in inner.tables):
                raise StatementError(
                    "42P01",
                    f'invalid reference to FROM-clause entry for table "{alias}"',
                    hint=f'There is an entry for table "{alias}", but it cannot be referenced from this part of the query.',
                    position=client.tokens[at].start + 1,
                )
