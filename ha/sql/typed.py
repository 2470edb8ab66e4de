"""What the schema tells of a statement's operands: for the rules that need to know a column's type. [pure]

The rules of translation see words; some need types: what `a / b` means, whether `'t'` is a text or a boolean, how many characters
a column holds. A statement that has such words says so (:attr:`ha.sql.kinds.Statement.asks`), and is translated again with
the schema at hand: :func:`ha.sql.statements.with_schema`. Keep the outcome while the schema stands.
"""

from __future__ import annotations

from collections.abc import Sequence

from ha.sql.expressions import Schema
from ha.sql.made import domain, is_by_number, named
from ha.sql.naming import name_of
from ha.sql.reading import Item, Reading, Scope
from ha.sql.tokens import PARAMETER, Token
from ha.sql.typenames import TypeName, declared, declared_type
from ha.sql.wants import Wants


def _behind(words: str | None) -> str | None:
    """Of a domain the name of its type; any others as they are."""
    one = domain(words) if words is not None else None
    return words if one is None else declared(one.words_of_type) or "text"


class Types:
    """The types of one statement's operands, as far as its words and the schema tell.

    :param tokens: the statement's own.
    :param given: the types that the client declared its parameters to be.
    """

    def __init__(self, text: str, tokens: Sequence[Token], schema: Schema, given: Sequence[str | None] = ()) -> None:
        self.schema = schema
        self.given = [_behind(self.made(name)) or name if name is not None else None for name in given]
        self.reading = Reading(text, tokens)
        if any(token.key == "WITH" for token in tokens):
            self.reading.items()  # names what WITH names
        plain = [
            name if own is None and not is_by_number(name) else own for name, own in zip(given, self.given, strict=True)
        ]
        self._wants = Wants(self.reading, schema, plain)

    def of(self, first: int, last: int) -> str | None:
        """The type of the operand from token `first` to token `last`."""
        return self._wants.expressions.typed(first, last + 1, self.reading.scope_at(first), 0)

    def operator(self, first: int, last: int) -> int | None:
        """The operator that binds least between token `first` and token `last`; None if it is a single operand."""
        return self._wants.expressions.outermost(first, last + 1)

    def declared(self, first: int, last: int) -> TypeName | None:
        """What the table declares of the column from token `first` to token `last`; None if it is none."""
        expressions, reading = self._wants.expressions, self.reading
        if not all(reading.is_name(at) or reading.key(at) == "." for at in range(first, last + 1)):
            return None
        words = expressions.column_words(
            reading.plain(last - 2) if last > first else None, reading.plain(last), reading.scope_at(first)
        )
        return declared_type(words) if words else None

    def starred(self, item: Item) -> list[str] | None:
        """The columns of ``*`` or ``t.*``; None where it is not certain which."""
        scope = self.reading.scopes.get(item.first) or self.reading.scope_at(item.first)
        only = self.reading.plain(item.first).lower() if item.last - item.first > 1 else None
        if only is None and (
            len(scope.derived) + len(scope.called) + bool(scope.tables) != 1
            or any(token.key in ("USING", "NATURAL") for token in self.reading.tokens)
        ):
            return None
        found: list[str] = []
        for alias, table in scope.tables.items():
            if only in (None, alias):
                columns = self.schema.shown(table)
                if columns is None:
                    return None
                found += columns
        for alias, (items, names) in scope.derived.items():
            for number, one in enumerate(items if only in (None, alias) else ()):
                if one.star:
                    inner = self.starred(one)
                    if inner is None:
                        return None
                    found += inner
                else:
                    found.append(names[number] if number < len(names) else name_of(self.reading, one))
        return found or None

    def of_column(self, column: str, scope: Scope) -> str | None:
        """The type of a column of one of these tables, by its name."""
        return self._wants.expressions.column(None, column, scope)

    def beside(self, at: int) -> str | None:
        """The type that the literal at `at` takes from its neighbour."""
        return self._wants.beside(at, self.reading.scope_at(at))

    def record(self, opening: int, close: int) -> str | None:
        """The words of the record that the expressions in brackets make; None where they cannot be told apart (``t.*``)."""
        return self._wants.expressions.record(opening, close, self.reading.scope_at(opening))

    def made(self, name: str) -> str | None:
        """The words of a type that a client made, an array's name beginning with ``_``; None if there is none of that name."""
        return named(self.schema.made_types(), name)

    def of_parameter(self, at: int) -> str | None:
        """The type that the parameter at `at` was given."""
        number = int(self.reading.key(at)[1:6]) if self.given and self.reading.kind(at) == PARAMETER else 0
        return self.given[number - 1] if 0 < number <= len(self.given) else None

    def column(self, table: str, column: str) -> TypeName | None:
        """What a table declares of a column."""
        words = self.schema.column_type(table, column)
        return declared_type(words) if words else None
