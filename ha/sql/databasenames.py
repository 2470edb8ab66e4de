"""Names that begin with the database's: ``"app"."public"."t"`` is ``public.t`` to a client of ``app``, as dbt and others write it. [pure]

PostgreSQL takes them, of the current database. Here that part is blanked, so that every place in the text stays where it was.
"""

from __future__ import annotations

from ha.errors import StatementError
from ha.sql.namespaces import BUILT_IN, RELATION_WORDS
from ha.sql.tokens import NAMES, tokenize, unquoted


def may_begin_with(text: str, database: str) -> bool:
    """May a name of this text begin with the database's? Cheap, and mostly no."""
    at = text.find(database)
    while at >= 0:
        end = at + len(database)
        if text[end : end + 1] == "." or text[end : end + 2] == '".':
            return True
        at = text.find(database, end)
    return False


def without_database(text: str, database: str) -> str:
    """`text` without the database's name before a schema and a relation."""
    try:
        tokens = tokenize(text)
    except StatementError:
        return text  # whoever reads it next says so
    made = text
    at = 0
    while at < len(tokens):
        parts = 1
        while tokens[at].kind in NAMES and at + 2 * parts < len(tokens) and tokens[at + 2 * parts - 1].key == ".":
            parts += 1
        if parts > 2 and unquoted(text, tokens[at]) == database:
            before = tokens[at - 1].key if at else ""
            schema = unquoted(text, tokens[at + 2])
            # Of three parts the first may be a schema, and the last a column.
            if (
                parts > 3
                or schema in BUILT_IN
                or before in RELATION_WORDS
                or (before, tokens[0].key) == ("ON", "CREATE")
            ):
                start, end = tokens[at].start, tokens[at + 1].end
                made = made[:start] + " " * (end - start) + made[end:]
        at += 2 * parts - 1
    return made
