"""PostgreSQL's schemas in a database that has one: the table `t` of schema `s` is SQLite's table ``"s.t"``. [pure]

A name with a dot is a name like any other to SQLite, to the log, to a snapshot and to whoever reads the feed of changes, so nothing
else need know of schemas. Here the names of a statement are made SQLite's before anything else looks at it::

    SELECT t.a, s.u.b FROM s.t JOIN s.u USING (id)      SELECT t.a, u.b FROM "s.t" AS t JOIN "s.u" AS u USING (id)
    UPDATE s.t SET a = 1 RETURNING s.t.id               UPDATE "s.t" SET a = 1 RETURNING "s.t".id

A relation keeps the name by which the rest of the statement may call it: as an alias, where SQLite has one for it. The target of an
INSERT, UPDATE or DELETE has none that its RETURNING knows, so there the columns' names are changed instead.

Which names are relations' the words before them tell. A name without a schema is left alone, unless the client's search_path says
that it may be another schema's: :class:`Names` knows which.

What a name with a dot means is decided by its first dot. ``public`` is SQLite's own ``main``, whose tables have plain names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple, Protocol

from ha.sql.tokens import COMPOUNDS, NAMES, Token, quoted_name, tokenize, unquoted

PUBLIC: Final = "public"

#: What the catalog calls the schema of a session's TEMP tables; SQLite's is temp.
TEMPORARY: Final = "pg_temp_1"

#: Schemas that are no part of a name: SQLite's databases, PostgreSQL's catalogs, and the one that has the plain names.
BUILT_IN: Final = frozenset((PUBLIC, "main", "temp", "pg_temp", "pg_catalog", "information_schema", "pg_toast"))


#: Statements whose names are read here; of the others, those that name relations read them with their own words.
READ: Final = frozenset("SELECT INSERT UPDATE DELETE MERGE WITH VALUES ( TABLE CREATE EXPLAIN".split())

#: What ends a FROM on its level.
_AFTER_FROM: Final = frozenset(
    "WHERE GROUP HAVING WINDOW ORDER LIMIT OFFSET FETCH FOR UNION INTERSECT EXCEPT RETURNING SET SELECT VALUES ;".split()
)
#: Words behind a relation that are no alias.
_NO_ALIAS: Final = _AFTER_FROM | frozenset(
    "ON USING JOIN LEFT RIGHT FULL INNER CROSS NATURAL OUTER TABLESAMPLE INDEXED NOT DEFAULT WITH OVERRIDING AS WHEN BEGIN DO".split()
)
#: Words that stand where a relation's name could, and are none.
_NO_RELATION: Final = _NO_ALIAS | frozenset(
    "OF ONLY LATERAL NO KEY UPDATE SHARE CASCADE RESTRICT NULL EXISTS IF CONFLICT".split()
)
#: Calls whose arguments have a FROM of their own.
_CALLS: Final = frozenset("EXTRACT TRIM SUBSTRING OVERLAY POSITION".split())


def joined(schema: str | None, name: str) -> str:
    """SQLite's name of a relation."""
    return name if schema is None or schema in BUILT_IN else f"{schema}.{name}"


def parted(name: str) -> tuple[str | None, str]:
    """The schema in SQLite's name of a relation, None for public, and the name in it."""
    schema, dot, own = name.partition(".")
    return (schema, own) if dot and schema and own else (None, name)


def own_name(name: str) -> str:
    """A relation's name in its schema."""
    return parted(name)[1]


def beside(relation: str, name: str) -> str:
    """SQLite's name of what lies in the schema of `relation`: an index, a sequence."""
    return joined(parted(relation)[0], name)


@lru_cache(maxsize=256)
def path_of(search_path: str) -> tuple[str, ...]:
    """The schemas that a search_path names, but those that every path has. ``"$user"`` stands for none here.

    A path that finds the plain names and nothing else is empty.
    """
    named = [unquoted(search_path, token) for token in tokenize(search_path) if token.kind in NAMES]
    # Some clients send the whole list as one string.
    parts = [part.strip(' "') for one in named for part in one.split(",")]
    found = tuple(dict.fromkeys(part for part in parts if part and part not in ("$user", "pg_catalog", "pg_temp")))
    return () if set(found) <= {PUBLIC} else found


class Names(Protocol):
    """What a search_path makes of names without a schema."""

    def of(self, name: str) -> str:
        """SQLite's name of the relation that `name` finds; `name` where it finds none."""

    def new(self) -> str | None:
        """The schema in which things are made; None for public."""


class Placed(NamedTuple):
    """A statement with SQLite's names.

    :param edits: as :class:`ha.sql.kinds.Statement` has them.
    :param creates: the schema in which it makes something; None: in public, or nothing.
    """

    text: str
    edits: tuple[tuple[int, int], ...]
    creates: str | None


#: A scope that nothing else is in.
_APART: Final = (-1, 0)


@dataclass(slots=True)
class _Level:
    """What a pair of brackets holds, or the statement itself.

    :param before: the word before the bracket.
    :param in_from: a comma is followed by another relation.
    :param part: counts the parts of a UNION.
    """

    before: str
    in_from: bool = False
    selects: bool = False
    part: int = 0


@dataclass(slots=True)
class _Relation:
    """A relation's name in the text: the tokens from `first` to `last`.

    :param scope: where its own name can be said.
    :param aliased: the client gave it another name.
    :param target: of an INSERT, UPDATE or DELETE: it takes no alias.
    """

    first: int
    last: int
    schema: str | None
    name: str
    scope: tuple[int, int]
    shown: str
    aliased: bool
    target: bool


def placed(text: str, tokens: Sequence[Token], start: int, end: int, names: Names | None = None) -> Placed | None:
    """The statement ``text[start:end]``, whose tokens these are; None where its names are SQLite's already."""
    if tokens[0].key not in READ or (names is None and not _names_schemas(tokens)):
        return None
    reading = _Reading(text, tokens, names)
    reading.read()
    return reading.written(start, end)


#: What may stand before a relation's name.
RELATION_WORDS: Final = frozenset(
    "FROM JOIN INTO UPDATE TABLE VIEW SEQUENCE INDEX TRIGGER EXISTS ONLY LATERAL USING REFERENCES CONCURRENTLY".split()
)


def _names_schemas(tokens: Sequence[Token]) -> bool:
    """May a relation be named with a schema here? Most names with a dot are columns', and are not looked at any closer."""
    from_said, defines = False, tokens[0].key == "CREATE"
    for at, token in enumerate(tokens):
        key = token.key
        if key == "FROM":
            from_said = True
        elif key == "." and at > 1:
            before = tokens[at - 2].key
            if before in RELATION_WORDS or (before == "," and from_said) or (before == "ON" and defines):
                if tokens[at - 1].key.strip('"').lower() not in _LEFT_ALONE:
                    return True
            elif before == "(" and at > 2 and tokens[at - 3].key in ("FROM", "JOIN"):
                return True
    return False


#: Schemas that other rules know.
_LEFT_ALONE: Final = BUILT_IN - {"pg_temp"}


@dataclass(slots=True)
class _Reading:
    """One statement being read."""

    text: str
    tokens: Sequence[Token]
    names: Names | None
    relations: list[_Relation] = field(default_factory=list)
    #: Relations that are only defined or referred to: no column is called after them.
    others: list[_Relation] = field(default_factory=list)
    #: What to write for each token that changes.
    instead: dict[int, str] = field(default_factory=dict)
    creates: str | None = None

    def key(self, at: int) -> str:
        return self.tokens[at].key if 0 <= at < len(self.tokens) else ""

    def is_name(self, at: int) -> bool:
        return 0 <= at < len(self.tokens) and self.tokens[at].kind in NAMES

    def plain(self, at: int) -> str:
        return unquoted(self.text, self.tokens[at])

    # Which names are relations'

    def read(self) -> None:
        """Find the relations, level by level."""
        stack = [_Level("")]
        scopes = [0]
        opened = 0
        awaited = ""  # the word that says what the name to come is
        start = self._definition() if self.key(0) == "CREATE" else 0
        in_trigger = self._in_trigger(start)
        common = self._commons()
        at = start
        while at < len(self.tokens):
            key, level = self.key(at), stack[-1]
            if awaited and key not in ("ONLY", "LATERAL", "*", "("):
                if self.is_name(at) and (key not in _NO_RELATION or self.key(at + 1) == "."):
                    at = self._relation(at, awaited, (scopes[-1], level.part), common, in_trigger)
                    awaited = ""
                    continue
                awaited = ""
            if key == "(":
                opened += 1
                inner = _Level(self.key(at - 1))
                if awaited and self.key(at + 1) not in ("SELECT", "VALUES", "WITH"):
                    inner.in_from = True  # FROM (a JOIN b …)
                else:
                    awaited = ""
                stack.append(inner)
                scopes.append(scopes[-1] if inner.in_from else opened)
            elif key == ")":
                if len(stack) > 1:
                    stack.pop()
                    scopes.pop()
            elif key == "," and level.in_from:
                awaited = "FROM"
            elif key == "FROM":
                if self.key(at - 1) != "DISTINCT" and (level.selects or level.before not in _CALLS):
                    level.in_from, awaited = True, "FROM"
                    if self.key(at - 1) == "DELETE":
                        awaited, level.in_from = "DELETE", False
            elif key == "JOIN":
                awaited = "FROM"
            elif key == "USING" and self.is_name(at + 1) and self.key(at + 2) != "(" and self._deletes(at):
                level.in_from, awaited = True, "FROM"
            elif key == "INTO" and self.key(at - 1) == "MERGE":
                awaited = "FROM"
            elif key == "INTO" or (
                key == "UPDATE"
                and self.key(at - 1) not in ("FOR", "DO", "ON", "KEY", "BEFORE", "AFTER", "OR", "OF", "THEN")
            ):
                awaited = key
                level.in_from = False
            elif key == "REFERENCES" or (key == "TABLE" and at == 0):
                awaited = key if key == "REFERENCES" else "FROM"
            elif key in _AFTER_FROM:
                level.in_from = False
                level.selects = level.selects or key == "SELECT"
                level.part += key in COMPOUNDS
            at += 1

    def _in_trigger(self, start: int) -> bool:
        return any(self.key(at) == "TRIGGER" for at in range(1, min(start, 5)))

    def _deletes(self, at: int) -> bool:
        return any(self.key(before) in ("DELETE", "MERGE") for before in range(at))

    def _commons(self) -> frozenset[str]:
        """The names that WITH gives: no schema's."""
        if self.names is None or not any(token.key == "WITH" for token in self.tokens):
            return frozenset()
        found = set()
        for at in range(1, len(self.tokens)):
            if self.key(at) == "AS" and (self.key(at + 1) == "(" or self.key(at + 1) in ("MATERIALIZED", "NOT")):
                before = at - 1
                if self.key(before) == ")":
                    while before > 0 and self.key(before) != "(":
                        before -= 1
                    before -= 1
                if self.is_name(before):
                    found.add(self.plain(before))
        return frozenset(found)

    def _definition(self) -> int:
        """Read the head of a CREATE; where the rest begins."""
        at, temporary, what = 1, False, ""
        while at < min(8, len(self.tokens)):
            what = self.key(at)
            temporary = temporary or what in ("TEMP", "TEMPORARY")
            at += 1
            if what in ("TABLE", "VIEW", "SEQUENCE", "INDEX", "TRIGGER"):
                break
        else:
            return len(self.tokens)
        if self.key(at) == "CONCURRENTLY":
            at += 1
        if self.key(at) == "IF":
            at += 3
        if what in ("INDEX", "TRIGGER"):
            return self._on_table(at, what)
        if not self.is_name(at):
            return at
        made = self._named(at)
        if temporary and made.last > made.first:
            self.instead.update(dict.fromkeys(range(made.first, made.last), ""))  # TEMP says it already
        if made.schema is None and self.names is not None and not temporary and made.first == made.last:
            made.schema = self.names.new()
        self.creates = made.schema
        self.others.append(made)
        return made.last + 1

    def _on_table(self, at: int, what: str) -> int:
        """``CREATE INDEX [name] ON table``: an index lies in its table's schema."""
        name = None
        if self.is_name(at) and self.key(at) != "ON":
            name = self._named(at)
            at = name.last + 1
        while at < len(self.tokens) and self.key(at) != "ON":
            at += 1
        at += 1
        if self.key(at) == "ONLY":
            at += 1
        if not self.is_name(at):
            return at
        table = self._named(at)
        self._find(table)
        self.others.append(table)
        if name is not None and what == "INDEX":
            name.schema = table.schema
            self.others.append(name)
        return table.last + 1

    def _named(self, at: int) -> _Relation:
        """The name with or without a schema that begins at `at`."""
        last = at
        while self.key(last + 1) == "." and self.is_name(last + 2):
            last += 2
        schema = self.plain(last - 2) if last > at else None
        name = self.plain(last)
        if schema == "pg_temp":
            self.instead[last - 2] = "temp"
        return _Relation(at, last, None if schema in BUILT_IN else schema, name, (0, 0), name, False, False)

    def _find(self, found: _Relation) -> None:
        """Ask the search_path about a name without a schema."""
        if self.names is not None and found.first == found.last:
            schema, own = parted(self.names.of(found.name))
            if own != found.name or schema is not None:
                found.schema, found.name = schema, own

    def _relation(self, at: int, awaited: str, scope: tuple[int, int], common: frozenset[str], in_trigger: bool) -> int:
        """The relation whose name begins at `at`; the token after it."""
        found = self._named(at)
        after = found.last + 1
        if awaited == "FROM" and self.key(after) == "(":
            return after  # a function's rows
        if found.name not in common or found.last > found.first:
            self._find(found)
        if awaited == "REFERENCES":
            self.others.append(found)
            return after
        if awaited == "INTO" and self.key(0) == "SELECT":  # SELECT … INTO makes it
            if found.schema is None and self.names is not None and found.first == found.last:
                found.schema = self.names.new()
            self.creates = found.schema
            self.others.append(found)
            return after
        found.target = awaited != "FROM"
        found.scope = _APART if awaited == "INTO" else scope  # what an INSERT selects does not see its target
        alias = after + (self.key(after) == "AS")
        found.aliased = self.is_name(alias) and (alias > after or self.key(alias) not in _NO_ALIAS)
        if found.aliased:
            found.shown = self.plain(alias)
            after = alias + 1
        (self.others if in_trigger and found.target else self.relations).append(found)
        return after

    # What is written for them

    def written(self, start: int, end: int) -> Placed | None:
        """The text again, with SQLite's names."""
        for one in self.others:
            if one.schema is not None:
                self._write(one, "")
        full: set[tuple[str, str]] = set()  # called by their whole names
        whole = False
        for one in self.relations:
            if one.schema is None:
                continue
            whole = True
            if one.aliased:
                self._write(one, "")
            elif one.target or self._is_shared(one):
                self._write(one, "")
                full.add((one.schema, one.name))
            else:
                self._write(one, f" AS {quoted_name(one.name)}")
        if whole:
            self._columns(full)
        if not self.instead:
            return None
        return self._put_together(start, end)

    def _write(self, one: _Relation, behind: str) -> None:
        for at in range(one.first, one.last + 1):
            self.instead[at] = ""
        self.instead[one.last] = quoted_name(joined(one.schema, one.name)) + behind

    def _is_shared(self, one: _Relation) -> bool:
        """Is another relation beside it called by the same name?"""
        return any(
            other is not one and other.scope == one.scope and other.shown == one.shown for other in self.relations
        )

    def _columns(self, full: set[tuple[str, str]]) -> None:
        """``s.t.a`` and, of what has no alias, ``t.a``."""
        known = {(one.schema, one.name) for one in self.relations if one.schema is not None}
        alone = {
            one.name: one
            for one in self.relations
            if one.target
            and not one.aliased
            and one.schema is not None
            and not any(other is not one and other.shown == one.shown for other in self.relations)
        }
        for at in range(len(self.tokens) - 2):
            if not self.is_name(at) or self.key(at + 1) != "." or self.key(at - 1) == "." or at in self.instead:
                continue
            if self.key(at + 3) == "." and self.is_name(at + 2):
                pair = (self.plain(at), self.plain(at + 2))
                if pair in known:
                    self.instead[at] = self.instead[at + 1] = ""
                    if pair in full:
                        self.instead[at + 2] = quoted_name(joined(*pair))
            elif alone:
                target = alone.get(self.plain(at))
                if target is not None:
                    self.instead[at] = quoted_name(joined(target.schema, target.name))

    def _put_together(self, start: int, end: int) -> Placed:
        parts: list[str] = []
        edits: list[tuple[int, int]] = []
        at, length = start, 0
        for index in sorted(self.instead):
            token = self.tokens[index]
            same, word = self.text[at : token.start], self.instead[index]
            parts += (same, word)
            length += len(same)
            edits.append((token.start - start, length))
            length += len(word)
            at = token.end
            edits.append((at - start, length))
        parts.append(self.text[at:end])
        return Placed("".join(parts), tuple(edits), self.creates)
