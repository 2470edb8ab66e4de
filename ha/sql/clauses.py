"""Rules for a query's clauses: ORDER BY, LIMIT, FETCH, FOR UPDATE, DISTINCT ON, and names with a schema. [pure]"""

from __future__ import annotations

from ha.errors import StatementError
from ha.sql.declarations import NO_COLUMN
from ha.sql.rewriting import AFTER_FROM, Rewriting
from ha.sql.rowsources import JOINS
from ha.sql.tokens import BIND, COMPOUNDS, NUMBER, PARAMETER, QUOTED, STRING, WORD, quoted_name, unquoted

#: What ends ORDER BY; ON is that of ON CONFLICT.
AFTER_ORDER = frozenset("ON LIMIT OFFSET FETCH FOR ROWS RANGE GROUPS UNION INTERSECT EXCEPT RETURNING ;".split())


_AFTER_WHOLE = COMPOUNDS | frozenset(("", ";", ")", "ORDER", "LIMIT", "OFFSET", "FETCH", "FOR"))


def bracketed_select(rewriting: Rewriting, index: int) -> None:
    """``(SELECT …) UNION (SELECT …)``: SQLite wants no brackets around a query's parts, so each is a subquery."""
    if rewriting.key(index + 1) not in ("SELECT", "VALUES", "WITH", "(") or index not in rewriting.partners:
        return
    rewriting.ask()  # how many rows a subquery gives
    close, before = rewriting.partners[index], rewriting.key(index - 1)
    if before in ("ALL", "DISTINCT") and rewriting.key(index - 2) in COMPOUNDS:
        before = rewriting.key(index - 2)
    after = rewriting.key(close + 1)
    if (
        before in COMPOUNDS
        or (before in ("", "(", ")") and after in COMPOUNDS)
        or (
            rewriting.verb and not before and after in _AFTER_WHOLE
        )  # without a verb it is an argument, translated apart
    ):
        rewriting.before(index, "SELECT * FROM ")


def empty_list(rewriting: Rewriting, index: int) -> None:
    """``EXISTS (SELECT FROM t)``: PostgreSQL's SELECT may have no columns, SQLite's has one."""
    if rewriting.key(index + 1) not in _AFTER_SELECT or rewriting.sqlite_order or rewriting.kind(index + 1) == QUOTED:
        return
    if rewriting.key(index - 1) == "(" and rewriting.key(index - 2) == "EXISTS":
        rewriting.after(index, " 1")
    elif rewriting.key(index + 1) != ")":
        if index or not rewriting.keys.isdisjoint(COMPOUNDS):
            raise rewriting.refuse(index, "SELECT without columns", "Name one.")
        rewriting.after(index, f" NULL AS {NO_COLUMN}")


_AFTER_SELECT = frozenset(("FROM", "WHERE", ")", "", ";"))


def listed_rows(rewriting: Rewriting, index: int) -> None:
    """``VALUES (2), (1) ORDER BY 1``: SQLite wants a query around it."""
    if index or rewriting.sqlite_order:
        return
    end = rewriting.clause_end(1, COMPOUNDS | {"ORDER", "LIMIT", "OFFSET", "FETCH"})
    if rewriting.key(end) in ("ORDER", "LIMIT", "OFFSET", "FETCH"):
        rewriting.before(0, "SELECT * FROM (")
        rewriting.last(end - 1, ")")


def locking(rewriting: Rewriting, index: int) -> None:
    """``FOR UPDATE``: there is one writer, so nothing needs a lock."""
    if rewriting.key(index + 1) not in ("UPDATE", "SHARE", "NO", "KEY") or rewriting.verb.startswith("CREATE"):
        return
    if rewriting.key(index + 1) == "NO" and rewriting.key(index + 2) != "KEY":
        return
    rewriting.drop(index, rewriting.clause_end(index + 1, frozenset(("LIMIT", ";"))) - 1)


def _is_clause(rewriting: Rewriting, index: int) -> bool:
    """Is this LIMIT, OFFSET, FETCH a clause, not a name?"""
    following = rewriting.kind(index + 1) in (NUMBER, PARAMETER, BIND, STRING) or rewriting.key(index + 1) in (
        "(",
        "ALL",
        "NULL",
    )
    return (rewriting.is_operand(index - 1) or rewriting.key(index - 1) in ("ASC", "DESC")) and following


def offset(rewriting: Rewriting, index: int) -> None:
    """``OFFSET n ROWS`` where no LIMIT stands before it."""
    if not _is_clause(rewriting, index):
        return
    end = rewriting.clause_end(index + 1, frozenset(("LIMIT", "FETCH", "FOR", ";")))
    if rewriting.key(end - 1) in ("ROW", "ROWS"):
        rewriting.instead[end - 1] = ""
    if _after_limit(rewriting, index):
        return
    rewriting.instead[index] = "LIMIT" if rewriting.key(end) in ("LIMIT", "FETCH") else "LIMIT -1 OFFSET"


def _after_limit(rewriting: Rewriting, index: int) -> bool:
    at = index - 1
    while at >= 0 and rewriting.key(at) not in ("(", "SELECT"):
        if rewriting.key(at) == "LIMIT":
            return True
        partner = rewriting.partners.get(at, len(rewriting.tokens))
        at = partner - 1 if partner < at else at - 1
    return False


def limit(rewriting: Rewriting, index: int) -> None:
    """``LIMIT ALL``, and a LIMIT after an OFFSET.

    :raises StatementError: 2201W, it is below zero, which SQLite takes for none.
    """
    if rewriting.key(index + 1) == "-" and rewriting.kind(index + 2) == NUMBER and not rewriting.sqlite_order:
        if rewriting.is_operand(index - 1) and not rewriting.is_stored:
            raise StatementError("2201W", "LIMIT must not be negative")
    if rewriting.key(index + 1) in ("ALL", "NULL"):
        rewriting.instead[index + 1] = "-1"
    if not _is_clause(rewriting, index):
        return
    for at in range(index - 1, max(index - 8, -1), -1):
        if rewriting.key(at) == "OFFSET" and rewriting.instead.get(at) == "LIMIT":
            rewriting.instead[index] = ","


def fetch(rewriting: Rewriting, index: int) -> None:
    """``FETCH FIRST n ROWS ONLY``."""
    if rewriting.key(index + 1) not in ("FIRST", "NEXT") or not rewriting.is_operand(index - 1):
        if rewriting.key(index - 1) not in ("ROW", "ROWS") or rewriting.key(index + 1) not in ("FIRST", "NEXT"):
            return
    end = rewriting.clause_end(index + 2, frozenset(("ONLY", "WITH")))
    if rewriting.key(end) != "ONLY":
        rewriting.needed(index, "FETCH FIRST … WITH TIES", "Use FETCH FIRST … ROWS ONLY.")
        return
    after_offset = any(rewriting.instead.get(at) == "LIMIT" for at in range(max(index - 8, 0), index))
    rewriting.instead[index] = "," if after_offset else "LIMIT"
    rows = end - 1
    rewriting.instead[index + 1] = "1" if rows == index + 2 else ""
    rewriting.drop(rows, end)


def order(rewriting: Rewriting, index: int) -> None:
    """NULLs come last in PostgreSQL's order and first in SQLite's; whoever said which is left alone."""
    if rewriting.sqlite_order or rewriting.key(index + 1) != "BY" or rewriting.verb.startswith("CREATE"):
        return
    if rewriting.key(index - 1) == "(" and rewriting.key(index - 2) == "GROUP":
        return
    stop = AFTER_ORDER | {","}
    at = index + 2
    while True:
        end = rewriting.clause_end(at, stop)
        if end > at and not (rewriting.key(end - 2) == "NULLS" and rewriting.key(end - 1) in ("FIRST", "LAST")):
            if rewriting.key(end - 2) != "USING":
                words = " NULLS FIRST" if rewriting.key(end - 1) == "DESC" else " NULLS LAST"
                rewriting.endings.append((end - 1, words))
        if rewriting.key(end) != ",":
            return
        at = end + 1


def schema(rewriting: Rewriting, index: int) -> None:
    """``public.t``: there is one schema, and SQLite calls it main."""
    if rewriting.key(index + 1) == "." and rewriting.key(index - 1) != ".":
        rewriting.drop(index, index + 1)


def catalog(rewriting: Rewriting, index: int) -> None:
    """``pg_catalog.f()``: functions have no schema in SQLite; tables keep theirs, an attached database."""
    if rewriting.key(index + 1) == "." and rewriting.key(index + 3) == "(" and rewriting.key(index - 1) != "::":
        rewriting.drop(index, index + 1)


def information_schema(rewriting: Rewriting, index: int) -> None:
    """``information_schema.tables``: SQLite finds it in the catalog's database, the schema being part of the name.

    A column is named by the table alone, so the table is given its own name as an alias where it has no other.
    """
    if rewriting.key(index + 1) != "." or rewriting.kind(index + 2) not in (WORD, QUOTED):
        return
    if rewriting.key(index - 1) == ".":
        rewriting.drop(index - 2, index - 1)
    name = unquoted(rewriting.text, rewriting.tokens[index + 2])
    if rewriting.key(index + 3) in (".", "("):
        rewriting.drop(index, index + 1)
        return
    rewriting.drop(index, index + 1)
    rewriting.instead[index + 2] = f'pg_catalog."information_schema.{name}"'
    following = rewriting.key(index + 3)
    named = following == "AS" or (
        rewriting.kind(index + 3) in (WORD, QUOTED) and following not in AFTER_FROM and following not in JOINS
    )
    if not named and rewriting.key(index - 1) in ("FROM", "JOIN", ",", "("):
        rewriting.after(index + 2, f" AS {quoted_name(name)}")


def only(rewriting: Rewriting, index: int) -> None:
    if rewriting.key(index - 1) in ("FROM", "UPDATE", "JOIN", "TABLE", ",") and rewriting.kind(index + 1) in (
        WORD,
        QUOTED,
    ):
        if rewriting.key(index - 1) != "," or rewriting.key(index + 1) not in ("FROM", ","):
            rewriting.instead[index] = ""


#: Words before INDEX where it is a command's.
_BEFORE_INDEX = frozenset("CREATE UNIQUE DROP ALTER REINDEX USING".split())


def plain_word(rewriting: Rewriting, index: int) -> None:
    """A name that SQLite reserves and PostgreSQL does not; pandas calls a column ``index``."""
    if rewriting.key(index - 1) not in _BEFORE_INDEX:
        rewriting.instead[index] = quoted_name(unquoted(rewriting.text, rewriting.tokens[index]))


#: Words that SQLite reserves; PostgreSQL takes any word as the name behind AS.
_RESERVED = frozenset(
    """
    ADD ALL ALTER AND AS AUTOINCREMENT BETWEEN CASE CHECK COLLATE COMMIT CONSTRAINT CREATE DEFAULT DEFERRABLE DELETE DISTINCT DROP
    ELSE ESCAPE EXISTS FOREIGN FROM GROUP HAVING IN INDEX INSERT INTERSECT INTO IS ISNULL LIMIT NOT NOTHING NOTNULL NULL ON OR ORDER
    PRIMARY REFERENCES RETURNING SELECT SET TABLE THEN TO TRANSACTION UNION UNIQUE UPDATE USING VALUES WHEN WHERE
    """.split()
)
#: What follows such a name; after the AS of CREATE TABLE, WITH or a cast stands something else.
_AFTER_ALIAS = frozenset((",", "FROM", ")", ";", "", "UNION", "WHERE", "ORDER", "LIMIT"))


def alias(rewriting: Rewriting, index: int) -> None:
    """``SELECT a AS table``."""
    if rewriting.key(index + 1) in _RESERVED and rewriting.key(index + 2) in _AFTER_ALIAS:
        name = rewriting.tokens[index + 1]
        rewriting.instead[index + 1] = quoted_name(unquoted(rewriting.text, name))


def table_statement(rewriting: Rewriting, index: int) -> None:
    """``TABLE t``."""
    if index == 0:
        rewriting.instead[0] = "SELECT * FROM"


def select_into(rewriting: Rewriting, index: int) -> None:
    """``SELECT … INTO t FROM …``."""
    select = rewriting.select_of(index)
    if select != 0 or rewriting.key(0) != "SELECT" or rewriting.kind(index + 1) not in (WORD, QUOTED):
        return
    at = index + 1
    while rewriting.key(at) in ("TABLE", "UNLOGGED", "TEMP", "TEMPORARY"):
        at += 1
    end = at
    while rewriting.key(end + 1) == ".":
        end += 2
    if end >= len(rewriting.tokens):
        raise rewriting.error(end)
    name = rewriting.text[rewriting.tokens[end].start : rewriting.tokens[end].end]
    temporary = "TEMP " if rewriting.key(index + 1).startswith("TEMP") else ""
    rewriting.before(0, f"CREATE {temporary}TABLE {name} AS ")
    rewriting.drop(index, end)
