"""What the schema tells of a statement's operands: for the rules that need to know a column's type. [pure]

The rules of translation see words; some need types: what `a / b` means, whether `'t'` is a text or a boolean, how many characters
a column holds. A statement that has such words says so (:attr:`ha.sql.kinds.Statement.asks`), and is translated again with
the schema at hand: :func:`ha.sql.statements.with_schema`. Keep the outcome while the schema stands.
"""

from __future__ import annotations

from collections.abc import Sequence

from ha.sql.expressions import Schema
from ha.sql.reading import Reading
from ha.sql.tokens import Token
from ha.sql.typenames import TypeName, declared_type
from ha.sql.wants import Wants


class Types:
    """The types of one statement's operands, as far as its words and the schema tell.

    :param tokens: the statement's own.
    """

    def __init__(self, text: str, tokens: Sequence[Token], schema: Schema) -> None:
        self.schema = schema
        self.reading = Reading(text, tokens)
        if any(token.key == "WITH" for token in tokens):
            self.reading.items()  # names what WITH names
        self._wants = Wants(self.reading, schema)

    def of(self, first: int, last: int) -> str | None:
        """The type of the operand from token `first` to token `last`."""
        return self._wants.expressions.typed(first, last + 1, self.reading.scope_at(first), 0)

    def beside(self, at: int) -> str | None:
        """The type that the literal at `at` takes from its neighbour."""
        return self._wants.beside(at, self.reading.scope_at(at))

    def column(self, table: str, column: str) -> TypeName | None:
        """What a table declares of a column."""
        words = self.schema.column_type(table, column)
        return declared_type(words) if words else None
