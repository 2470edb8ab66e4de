"""Rules for INSERT, UPDATE and DELETE: DEFAULT, OVERRIDING, USING, ON CONSTRAINT. [pure]"""

from __future__ import annotations

from ha.sql.rewriting import Rewriting


def default_value(rewriting: Rewriting, index: int) -> None:
    """``VALUES (DEFAULT, …)``: the column is left out."""
    if rewriting.verb == "UPDATE" and rewriting.key(index - 1) == "=":
        raise rewriting.refuse(index, "SET … = DEFAULT", "Write the default's value.")
    if rewriting.verb != "INSERT" or rewriting.key(index + 1) not in (",", ")") or index in rewriting.instead:
        return
    values = next((at for at in range(index) if rewriting.key(at) == "VALUES"), None)
    if values is None or rewriting.key(index - 1) not in (",", "("):
        return
    rows, at = [], values + 1
    while rewriting.key(at) == "(" and at in rewriting.partners:
        rows.append(_elements(rewriting, at))
        at = rewriting.partners[at] + 1
        at += rewriting.key(at) == ","
    left_out = {
        where for where, (first, last) in enumerate(rows[0]) if first == last and rewriting.key(first) == "DEFAULT"
    }
    for row in rows:
        if {
            where for where, (first, last) in enumerate(row) if first == last and rewriting.key(first) == "DEFAULT"
        } != left_out:
            raise rewriting.refuse(index, "DEFAULT in some rows of VALUES only", "Use several INSERTs.")
    if rewriting.key(values - 1) != ")" or values - 1 not in rewriting.partners:
        raise rewriting.refuse(
            index, "DEFAULT in VALUES without a list of columns", "Name the columns, without this one."
        )
    names = rewriting.partners[values - 1]
    if len(left_out) == len(rows[0]):
        if len(rows) > 1:
            raise rewriting.refuse(index, "several rows of DEFAULT only")
        rewriting.drop(names, rewriting.partners[values + 1])
        rewriting.instead[values] = "DEFAULT VALUES"
        return
    for opening in (names, *_openings(rewriting, values + 1)):
        _leave_out(rewriting, _elements(rewriting, opening), left_out)


def _openings(rewriting: Rewriting, at: int) -> list[int]:
    found = []
    while rewriting.key(at) == "(" and at in rewriting.partners:
        found.append(at)
        at = rewriting.partners[at] + 1
        at += rewriting.key(at) == ","
    return found


def _elements(rewriting: Rewriting, opening: int) -> list[tuple[int, int]]:
    """The elements of a bracket: first and last token of each."""
    close, found, at = rewriting.partners[opening], [], opening + 1
    while at < close:
        end = rewriting.clause_end(at, frozenset((",",)))
        found.append((at, end - 1))
        at = end + 1
    return found


def _leave_out(rewriting: Rewriting, elements: list[tuple[int, int]], which: set[int]) -> None:
    kept = False
    for where, (first, last) in enumerate(elements):
        if where in which:
            rewriting.drop(first, last)
            if kept or where == 0:
                pass
        elif not kept:
            kept = True
            continue
    # Commas: one stays between two elements that stay.
    stays = [where for where in range(len(elements)) if where not in which]
    for where in range(len(elements) - 1):
        comma = elements[where][1] + 1
        before = [one for one in stays if one <= where]
        after = [one for one in stays if one > where]
        if not (
            before
            and after
            and before[-1] == where
            or (before and after and where + 1 == after[0] and before[-1] == where)
        ):
            rewriting.instead[comma] = ""


def overriding(rewriting: Rewriting, index: int) -> None:
    if rewriting.key(index + 1) in ("SYSTEM", "USER") and rewriting.key(index + 2) == "VALUE":
        rewriting.drop(index, index + 2)


def using(rewriting: Rewriting, index: int) -> None:
    """``DELETE FROM t USING u WHERE …``."""
    if (
        rewriting.verb != "DELETE"
        or rewriting.select_of(index) < 0
        or rewriting.key(rewriting.select_of(index)) != "DELETE"
    ):
        return
    delete = rewriting.select_of(index)
    start = delete + 2 + (rewriting.key(delete + 2) == "ONLY")
    table = [
        rewriting.text[token.start : token.end]
        for token in rewriting.tokens[start:index]
        if token.key not in ("PUBLIC", ".", "AS")
    ]
    name = table[-1]
    words = " AS ".join(table)
    rewriting.instead[index] = f"WHERE rowid IN (SELECT {name}.rowid FROM {words},"
    rewriting.last(rewriting.clause_end(index + 1, frozenset(("RETURNING", ";"))) - 1, ")")


def inner_write(rewriting: Rewriting, index: int) -> None:
    """``WITH x AS (INSERT …)``."""
    if (
        rewriting.key(index - 1) == "("
        and rewriting.key(index - 2) in ("AS", "MATERIALIZED")
        and not rewriting.verb.startswith("CREATE")
    ):
        raise rewriting.refuse(
            index, f"{rewriting.key(index)} in WITH", "Use two statements in a transaction, with RETURNING."
        )


def on_constraint(rewriting: Rewriting, index: int) -> None:
    """``ON CONFLICT ON CONSTRAINT name``."""
    if rewriting.key(index - 1) != "ON" or rewriting.key(index - 2) != "CONFLICT":
        return
    if rewriting.key(index + 3) == "NOTHING":
        rewriting.drop(index - 1, index + 1)
        return
    raise rewriting.refuse(index, "ON CONFLICT ON CONSTRAINT", "Name the constraint's columns: ON CONFLICT (a, b).")
