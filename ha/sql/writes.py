"""Rules for INSERT, UPDATE and DELETE: DEFAULT, OVERRIDING, USING, ON CONSTRAINT. [pure]"""

from __future__ import annotations

from ha.errors import StatementError
from ha.sql import modifying
from ha.sql.aliases import alias, table_of
from ha.sql.rewriting import Rewriting, elements
from ha.sql.tokens import quoted_name, unquoted


def default_value(rewriting: Rewriting, index: int) -> None:
    """``VALUES (DEFAULT, …)``, ``SET a = DEFAULT``: SQLite has no such word in either place.

    A column that has it in every row is left out of a list of columns; else, with the schema at hand, the assignment writes the
    default's own expression.
    """
    if rewriting.verb == "UPDATE" and rewriting.key(index - 1) == "=":
        rewriting.needed(index, "SET … = DEFAULT", "Write the default's value.")
        return
    if rewriting.verb != "INSERT" or rewriting.key(index + 1) not in (",", ")") or index in rewriting.instead:
        return
    values = next((at for at in range(index) if rewriting.key(at) == "VALUES"), None)
    if values is None or rewriting.key(index - 1) not in (",", "("):
        return
    rows = [elements(rewriting, opening) for opening in _openings(rewriting, values + 1)]
    left_out = [
        {where for where, (first, last) in enumerate(row) if first == last and rewriting.key(first) == "DEFAULT"}
        for row in rows
    ]
    named = rewriting.key(values - 1) == ")" and values - 1 in rewriting.partners
    whole = any(len(which) == len(row) for which, row in zip(left_out, rows, strict=True))
    if named and whole and len(rows) == 1:
        rewriting.drop(rewriting.partners[values - 1], rewriting.partners[values + 1])
        rewriting.instead[values] = "DEFAULT VALUES"
    elif named and not whole and all(which == left_out[0] for which in left_out):
        for opening in (rewriting.partners[values - 1], *_openings(rewriting, values + 1)):
            _leave_out(rewriting, elements(rewriting, opening), left_out[0])
    else:
        rewriting.needed(index, "DEFAULT in some rows or columns only", "Name the columns, without this one.")


def _openings(rewriting: Rewriting, at: int) -> list[int]:
    found = []
    while rewriting.key(at) == "(" and at in rewriting.partners:
        found.append(at)
        at = rewriting.partners[at] + 1
        at += rewriting.key(at) == ","
    return found


def _leave_out(rewriting: Rewriting, elements: list[tuple[int, int]], which: set[int]) -> None:
    stays = False
    for where, (first, last) in enumerate(elements):
        if where and (where in which or not stays):
            rewriting.instead[first - 1] = ""  # its comma
        if where in which:
            rewriting.drop(first, last)
        else:
            stays = True


def overriding(rewriting: Rewriting, index: int) -> None:
    if rewriting.key(index + 1) in ("SYSTEM", "USER") and rewriting.key(index + 2) == "VALUE":
        rewriting.drop(index, index + 2)


_AFTER_TABLES = frozenset(("WHERE", "GROUP", "HAVING", "WINDOW", "ORDER", "LIMIT", "OFFSET"))


def on_conflict(rewriting: Rewriting, index: int) -> None:
    """``INSERT … SELECT … FROM t ON CONFLICT``: SQLite would take ON for a join's, so something must end FROM."""
    if rewriting.key(index + 1) != "CONFLICT" or rewriting.verb != "INSERT" or rewriting.closed:
        return
    select = rewriting.select_of(index)
    if select < 0 or rewriting.key(select) != "SELECT":
        return
    tables = rewriting.clause_end(select + 1, frozenset(("FROM",)))
    if tables < index and rewriting.clause_end(tables + 1, _AFTER_TABLES) > index:
        rewriting.before(index, "WHERE true ")
        rewriting.closed = True


def using(rewriting: Rewriting, index: int) -> None:
    """``DELETE FROM t USING u WHERE …``."""
    if (
        rewriting.verb != "DELETE"
        or rewriting.select_of(index) < 0
        or rewriting.key(rewriting.select_of(index)) != "DELETE"
    ):
        return
    table = table_of(rewriting, rewriting.select_of(index))
    if not 0 <= table < index:
        raise rewriting.error(index)
    words, name = (rewriting.text[rewriting.tokens[at].start : rewriting.tokens[at].end] for at in (table, index - 1))
    if table < index - 1:
        words = f"{words} AS {name}"
    rewriting.instead[index] = f"WHERE rowid IN (SELECT {name}.rowid FROM {words},"
    rewriting.last(rewriting.clause_end(index + 1, frozenset(("RETURNING", ";"))) - 1, ")")


def write(rewriting: Rewriting, index: int) -> None:
    """INSERT, UPDATE, DELETE: what is put into columns must fit them. ``WITH x AS (INSERT …)`` is not known to SQLite."""
    if rewriting.is_stored or rewriting.key(index - 1) in _OTHER_UPDATES:
        return
    if modifying.is_part(rewriting, index):
        modifying.part(rewriting, index)
        return
    alias(rewriting, index)
    if rewriting.key(index) != "DELETE":
        rewriting.ask()


#: Words before UPDATE and DELETE that make it something else: FOR UPDATE, DO UPDATE, ON UPDATE, MERGE's THEN UPDATE, a name.
_OTHER_UPDATES = frozenset("FOR DO ON KEY . NO AS THEN".split())


def on_constraint(rewriting: Rewriting, index: int) -> None:
    """``ON CONFLICT ON CONSTRAINT name``: SQLite wants its columns."""
    if rewriting.key(index - 1) != "ON" or rewriting.key(index - 2) != "CONFLICT":
        return
    if rewriting.key(index + 3) == "NOTHING":
        rewriting.drop(index - 1, index + 1)
        return
    types = rewriting.needed(index, "ON CONFLICT ON CONSTRAINT", "Name the constraint's columns: ON CONFLICT (a, b).")
    if types is None:
        return
    at = next((at for at in range(index) if rewriting.key(at) == "INTO"), 0) + 1
    while rewriting.key(at + 1) == ".":
        at += 2
    table, name = (unquoted(rewriting.text, rewriting.tokens[one]) for one in (at, index + 1))
    columns = types.schema.key(table, name)
    if columns is None:
        raise StatementError("42704", f'constraint "{name}" for table "{table}" does not exist')
    rewriting.drop(index - 1, index)
    rewriting.instead[index + 1] = f"({', '.join(map(quoted_name, columns))})"
