"""What PostgreSQL says in one word and can also say in many: the many, before they are translated. [pure]

GROUPING SETS are groups by a column more, WITH TIES is a rank, LATERAL a function of rows. Said so, in PostgreSQL's own words, a
statement goes through all rules of :mod:`ha.sql.translate`, which know the types of every column in it; a rule that put SQLite's words
around the client's would have to know what each of the others puts there.

Needs the schema: rules of the first translation ask for it where such a word stands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ha.errors import StatementError
from ha.sql.edits import Edits, back, composed
from ha.sql.expressions import Schema
from ha.sql.groupingsets import unfold_sets
from ha.sql.neighbours import unfold_laterals
from ha.sql.rewriting import Rewriting, Translation
from ha.sql.ties import unfold_ties
from ha.sql.tokens import Token, tokenize
from ha.sql.typed import Types

#: By the words that tell them.
_UNFOLDINGS: tuple[tuple[frozenset[str], Callable[[Rewriting, Types], None]], ...] = (
    (frozenset(("LATERAL",)), unfold_laterals),
    (frozenset(("TIES",)), unfold_ties),
    (frozenset(("GROUP",)), unfold_sets),
)


def unfolded(
    text: str, tokens: Sequence[Token], verb: str, schema: Schema, given: Sequence[str | None]
) -> tuple[str, Sequence[Token], Edits]:
    """A statement's text with the many words, its tokens, and where it differs.

    :raises StatementError: its position counted in `text`.
    """
    edits: Edits = ()
    length = len(text)
    keys = {token.key for token in tokens}
    for words, unfold in _UNFOLDINGS:
        if keys.isdisjoint(words):
            continue
        types = Types(text, tokens, schema, given)
        editor = Rewriting(text, tokens, verb, False, _never, types)
        try:
            unfold(editor, types)
        except StatementError as error:
            if error.position is not None:
                error.position = back(edits, error.position - 1, length) + 1
            raise
        if editor.changed:
            made = editor.written(0, len(text))
            edits = composed(edits, made.edits) if edits else made.edits
            text, tokens = made.sql, tokenize(made.sql)
    return text, tokens, edits


def _never(*_: object, **__: object) -> Translation:
    raise AssertionError("what is unfolded is translated as a whole")
