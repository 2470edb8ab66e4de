"""The types of a statement's parameters, told by what stands beside them. [pure]"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ha.sql.expressions import TIMES, Expressions, Schema
from ha.sql.reading import OPERATOR_WORDS, Reading, Scope
from ha.sql.results import ARGUMENT, ARGUMENTS
from ha.sql.tokens import PARAMETER, TEXTS
from ha.sql.typenames import declared, read_type

#: Functions whose arguments are of one type; a step of generate_series may be an interval.
_ALIKE = frozenset(("coalesce", "nullif", "greatest", "least", "ifnull", "generate_series"))


_OF_DOCUMENTS = frozenset(("?", "?|", "?&", "|", "&", "->", "->>", "#>", "#>>", "#-", "@>", "<@", "&&"))


class Wants:
    """One statement's parameters.

    :param given: their types, as far as they are known.
    """

    def __init__(self, reading: Reading, schema: Schema, given: Sequence[str | None] = ()) -> None:
        self.reading = reading
        self.schema = schema
        self.expressions = Expressions(reading, schema, given)

    def parameters(self) -> Iterable[tuple[int, str]]:
        """What stands beside each parameter, and the type that follows from it."""
        marks = [at for at in range(len(self.reading.tokens)) if self.reading.kind(at) == PARAMETER]
        if not marks:
            return
        yield from self._inserted()
        scope = self._everything()
        if any(token.key == "WITH" for token in self.reading.tokens):
            self.reading.items()  # names what WITH names
        for at in marks:
            # What its own query reads from comes first: a subquery's columns, or those that WITH names.
            found = self.beside(at, self.reading.scope_at(at)) or self.beside(at, scope)
            if found:
                yield int(self.reading.key(at)[1:6]), found

    def _everything(self) -> Scope:
        """All tables named anywhere: a parameter's neighbour is looked up among them."""
        scope = Scope()
        for at in range(len(self.reading.tokens)):
            if self.reading.key(at) in ("FROM", "JOIN", "INTO", "UPDATE", "ONLY") and self.reading.is_name(at + 1):
                self.reading.enter(scope, at + 1)
            elif (
                self.reading.key(at) == ","
                and self.reading.is_name(at + 1)
                and self.schema.columns(self.reading.plain(at + 1)) is not None
            ):
                self.reading.enter(scope, at + 1)
        return scope

    def _inserted(self) -> Iterable[tuple[int, str]]:
        """INSERT INTO t(columns) VALUES ($1, …) or SELECT $1, …"""
        for at in range(len(self.reading.tokens)):
            if self.reading.key(at) != "INTO" or not self.reading.is_name(at + 1):
                continue
            at += 1
            while self.reading.key(at + 1) == "." and self.reading.is_name(at + 2):
                at += 2
            table = self.reading.plain(at)
            at += 1
            if self.reading.key(at) == "AS":
                at += 2
            names: Sequence[str] | None
            if (
                self.reading.key(at) == "("
                and at in self.reading.partners
                and self.reading.key(at + 1) not in ("SELECT", "WITH", "VALUES")
            ):
                names = [
                    self.reading.plain(first)
                    for first, last in self.reading.parts(at + 1, self.reading.partners[at])
                    if self.reading.is_name(first)
                ]
                at = self.reading.partners[at] + 1
            else:
                names = self.schema.columns(table)
            if names:
                yield from self._rows(table, names, at)
            return

    def _rows(self, table: str, names: Sequence[str], at: int) -> Iterable[tuple[int, str]]:
        rows: list[list[tuple[int, int]]] = []
        if self.reading.key(at) == "VALUES":
            at += 1
            while self.reading.key(at) == "(" and at in self.reading.partners:
                rows.append(self.reading.parts(at + 1, self.reading.partners[at]))
                at = self.reading.partners[at] + 1
                at += self.reading.key(at) == ","
        elif self.reading.key(at) == "SELECT":
            rows.append([(item.first, item.last) for item in self.reading.items_between(at, len(self.reading.tokens))])
        for row in rows:
            for (first, last), name in zip(row, names, strict=False):
                if last - first == 1 and self.reading.kind(first) == PARAMETER:
                    words = self.schema.column_type(table, name)
                    found = declared(words) if words else None
                    if found:
                        yield int(self.reading.key(first)[1:6]), found

    def beside(self, at: int, scope: Scope) -> str | None:
        """The type that a parameter or an untyped literal takes from what stands beside it."""
        before, after = self.reading.key(at - 1), self.reading.key(at + 1)
        if before in _OF_DOCUMENTS:
            return None  # a key or a path, whatever the document's value is compared with
        if before in ("LIMIT", "OFFSET"):
            return "int8"
        if before == "AND" and self.reading.key(at - 3) == "BETWEEN":
            return self._operand_before(at - 3, scope)
        if before == "BETWEEN":
            return self._operand_before(at - 1, scope)
        if before in ("=", "<>", "!=", "<", ">", "<=", ">=", "==", "+", "-", "*", "/", "%", "||"):
            found = self._operand_before(at - 1, scope)
            return self._opposite(before, found)
        if before in ("LIKE", "ILIKE", "GLOB", "~", "~*", "!~", "!~*", "REGEXP", "TO", "ESCAPE"):
            return "text"
        quantified = self.reading.partners.get(at + 3) if self.reading.key(at + 2) in ("ANY", "ALL", "SOME") else None
        if quantified is not None:  # $1 = ANY(column)
            found = self.expressions.typed(at + 4, quantified, scope, 0) or ""
            return found[1:] if found.startswith("_") else None
        if after in ("=", "<>", "!=", "<", ">", "<=", ">=", "+", "-", "*", "/", "||"):
            found = self._operand_after(at + 2, scope)
            return self._opposite(after, found)
        if after in ("LIKE", "ILIKE", "~", "~*"):
            return "text"
        return self._in_brackets(at, scope)

    @staticmethod
    def _opposite(operator: str, other: str | None) -> str | None:
        """The type of one side from that of the other."""
        if operator == "||":
            return other if other and (other.startswith("_") or other == "jsonb") else "text"
        if operator in ("+", "-") and other in TIMES:
            return None  # an interval, a number of days, another time: too many to choose from
        return other

    def _in_brackets(self, at: int, scope: Scope) -> str | None:
        """``x IN ($1, $2)``, ``x = ANY($1)``, ``f($1)``."""
        bracket = opening = self.reading.around(at)
        while opening >= 0 and self.reading.key(opening) != "(":
            opening = self.reading.around(opening)
        if opening < 0:
            return None
        word = self.reading.key(opening - 1)
        alone = (opening + 1, self.reading.partners[opening]) == (at, at + 1)
        if word == "IN":
            operand = opening - 1 - (self.reading.key(opening - 2) == "NOT")
            return self._operand_before(operand, scope)
        if word in ("ANY", "ALL", "SOME") and alone:
            found = self._operand_before(opening - 2, scope)
            return None if found is None or found.startswith("_") else "_" + found
        name = word.lower()
        if (
            bracket != opening
            or self.reading.key(at - 1) not in ("(", ",")
            or self.reading.key(at + 1) not in (",", ")")
        ):
            return None
        if name in _ALIKE:
            parts = self.reading.parts(opening + 1, self.reading.partners[opening])
            for first, last in parts:
                found = self.expressions.typed(first, last, scope, 0)
                if name == "generate_series" and found in TIMES and parts[2:] == [(at, at + 1)]:
                    return "interval"
                if found and found != "interval":
                    return found
            return ARGUMENT.get(name)
        types = ARGUMENTS.get(name)
        if types is not None:
            parts = self.reading.parts(opening + 1, self.reading.partners[opening])
            number = parts.index((at, at + 1))
            return types[number] if number < len(types) else None
        return ARGUMENT.get(name) if opening == at - 1 else None

    def _operand_before(self, at: int, scope: Scope) -> str | None:
        """The type of the simple operand that ends before token `at`."""
        last = at
        first = at - 1
        if self.reading.key(first) == "NOT":
            last = first
            first -= 1
        while self.reading.key(first) == "]" and first in self.reading.partners:
            first = self.reading.partners[first] - 1
        if self.reading.key(first) == ")" and first in self.reading.partners:
            first = self.reading.partners[first]
            if self.reading.is_name(first - 1) and self.reading.key(first - 1) not in OPERATOR_WORDS:
                first -= 1
        while self.reading.key(first - 1) == "." and self.reading.is_name(first - 2):
            first -= 2
        if self.reading.key(first - 1) == "::":
            type_name, after = read_type(self.reading.text, self.reading.tokens, first)
            return self.expressions.resolved(type_name.name) if type_name and after == last else None
        if self.reading.kind(first) in TEXTS or self.reading.kind(first) == PARAMETER:
            return "text" if self.reading.kind(first) in TEXTS else None
        return self.expressions.typed(first, last, scope, 0)

    def _operand_after(self, first: int, scope: Scope) -> str | None:
        last = first + 1
        while self.reading.key(last) == "." and self.reading.is_name(last + 1):
            last += 2
        if self.reading.key(last) == "(" and last in self.reading.partners:
            last = self.reading.partners[last] + 1
        if self.reading.key(last) == "::":
            type_name, _ = read_type(self.reading.text, self.reading.tokens, last + 1)
            return self.expressions.resolved(type_name.name) if type_name else None
        return self.expressions.typed(first, last, scope, 0)
