"""Rules for what gives rows in FROM: functions of rows, LATERAL, names of columns behind an alias. [pure]

A function of rows that stands in a select list is moved into FROM.
"""

from __future__ import annotations

from ha.errors import StatementError
from ha.sql.calls import bare
from ha.sql.laterals import one_row
from ha.sql.literals import CASTS
from ha.sql.made import composite
from ha.sql.rewriting import AFTER_FROM, NOT_CALLED, Rewriting, elements
from ha.sql.tokens import QUOTED, WORD, quoted, quoted_name, unquoted
from ha.sql.typenames import TypeName, declared, read_type


def lateral(rewriting: Rewriting, index: int) -> None:
    """Table-valued functions see what stands before them anyway; subqueries never do."""
    if rewriting.key(index - 1) not in (",", "JOIN", "FROM"):
        return
    if rewriting.key(index + 1) == "(":
        one_row(rewriting, index)
        return
    rewriting.instead[index] = ""


_SEQUENCE_COLUMNS = frozenset(("LAST_VALUE", "IS_CALLED", "LOG_CNT"))


def sequence_state(rewriting: Rewriting, index: int) -> None:
    """``SELECT last_value, is_called FROM s``: a sequence is no relation of SQLite's.

    A table may have a column ``last_value``; both names, or a sequence's usual ending, tell that it is none.
    """
    if index != 1 or rewriting.key(0) != "SELECT":
        return
    at, named = index, set()
    while rewriting.key(at) in _SEQUENCE_COLUMNS or rewriting.key(at) == ",":
        named.add(rewriting.key(at))
        at += 1
    first = at + 1
    last = first
    while rewriting.key(last + 1) == ".":
        last += 2
    after = last + 3 if rewriting.key(last + 1) == "AS" else last + 1
    if (
        rewriting.key(at) != "FROM"
        or rewriting.kind(last) not in (WORD, QUOTED)
        or rewriting.key(after) not in ("", ";")
    ):
        return
    name = unquoted(rewriting.text, rewriting.tokens[last])
    if "IS_CALLED" in named or name.endswith("_seq"):
        if last > first:
            rewriting.drop(first, last - 1)
        rewriting.instead[last] = f"pg_sequence_state({quoted(name)})"


def _listed_names(rewriting: Rewriting, opening: int) -> list[str]:
    """The names in a bracket."""
    return [
        unquoted(rewriting.text, rewriting.tokens[one])
        for one in range(opening + 1, rewriting.partners[opening])
        if rewriting.kind(one) in (WORD, QUOTED)
    ]


def _alias_columns(rewriting: Rewriting, index: int) -> None:
    """``(SELECT …) AS v(a, b)`` in FROM: SQLite names columns in a common table expression only."""
    at = index + 1 + (rewriting.key(index + 1) == "AS")
    if rewriting.key(at + 1) != "(" or rewriting.kind(at) not in (WORD, QUOTED) or index not in rewriting.partners:
        return
    opening, names = rewriting.partners[index], at + 1
    if names not in rewriting.partners or rewriting.key(opening + 1) not in ("SELECT", "VALUES", "WITH"):
        return
    if opening in rewriting.instead:
        return
    if rewriting.key(opening - 1) not in ("FROM", "JOIN", "LATERAL") and not _in_from(rewriting, opening - 1):
        return
    end = rewriting.partners[names]
    if any(rewriting.key(one) != "," and rewriting.kind(one) not in (WORD, QUOTED) for one in range(names + 1, end)):
        return
    alias = rewriting.text[rewriting.tokens[at].start : rewriting.tokens[at].end]
    listed = rewriting.text[rewriting.tokens[names].start : rewriting.tokens[end].end]
    rewriting.instead[opening] = f"(WITH {alias}{listed} AS ("
    rewriting.instead[index] = f") SELECT * FROM {alias})"
    rewriting.drop(names, end)


def after_bracket(rewriting: Rewriting, index: int) -> None:
    if rewriting.key(index + 1) == ".":
        _field(rewriting, index)
    else:
        _alias_columns(rewriting, index)


def _field(rewriting: Rewriting, index: int) -> None:
    """``(result.keys).x``: a field of a composite value, which is JSON here."""
    opening = rewriting.partners.get(index, -1)
    if rewriting.key(index + 1) != "." or opening < 0:
        return
    if rewriting.key(index + 2) == "*" and rewriting.key(opening - 1) in ("SELECT", ","):
        raise rewriting.refuse(index + 2, "(…).*", "Name the fields: (x).a, (x).b.")
    if rewriting.kind(index + 2) not in (WORD, QUOTED):
        return
    if rewriting.kind(opening - 1) in (WORD, QUOTED) and rewriting.key(opening - 1) not in NOT_CALLED:
        return
    name = unquoted(rewriting.text, rewriting.tokens[index + 2])
    after = ")"
    if rewriting.ask() and rewriting.types is not None:
        one = composite(rewriting.types.of(opening, index) or "")
        if one is not None:
            words = dict(one.fields).get(name)
            if words is None:
                raise StatementError(
                    "42703",
                    f'column "{name}" not found in data type {one.name or "record"}',
                    position=rewriting.tokens[index + 2].start + 1,
                )
            after = "))" if declared(words) == "bytea" else ")"
    rewriting.before(opening, "json_extract(")
    if after == "))":
        rewriting.before(opening, "pg_bytea(")  # JSON holds its text
    rewriting.drop(index + 1, index + 2)
    rewriting.last(index, f", {quoted('$.' + quoted_name(name))}{after}")


#: Functions that give rows of a key and its value, and ours where SQLite's mean otherwise.
PAIR_FUNCTIONS = {
    "JSON_EACH": "pg_json_each",
    "JSONB_EACH": "pg_jsonb_each",
    "JSON_EACH_TEXT": "json_each_text",
    "JSONB_EACH_TEXT": "jsonb_each_text",
}
_PAIR = ["key", "value"]


def pair_function(rewriting: Rewriting, index: int) -> None:
    """json_each() and its kin, whose columns may be named behind an alias."""
    close = rewriting.partners.get(index + 1, -1)
    if rewriting.key(index + 1) != "(" or close < 0 or rewriting.is_sqlites:
        return
    rewriting.instead[index] = PAIR_FUNCTIONS[rewriting.key(index)]
    at = close + 1 + (rewriting.key(close + 1) == "AS")
    if rewriting.key(close + 1) == "WITH" or (rewriting.kind(at) in (WORD, QUOTED) and rewriting.key(at + 1) == "("):
        if rewriting.key(index - 1) in ("FROM", "JOIN", "LATERAL") or _in_from(rewriting, index - 1):
            _row_function_in_from(rewriting, index, close, _PAIR)


#: Functions that give rows of one column.
ROW_FUNCTIONS = frozenset(
    "GENERATE_SERIES GENERATE_SUBSCRIPTS UNNEST REGEXP_SPLIT_TO_TABLE REGEXP_MATCHES STRING_TO_TABLE JSON_OBJECT_KEYS "
    "JSONB_OBJECT_KEYS JSON_ARRAY_ELEMENTS JSONB_ARRAY_ELEMENTS JSON_ARRAY_ELEMENTS_TEXT JSONB_ARRAY_ELEMENTS_TEXT "
    "PG_LISTENING_CHANNELS".split()
)
#: Functions that give rows of several columns, which have these names in FROM; in a select list a row is one value, kept as JSON.
RECORDS = {"ACLEXPLODE": ("grantor", "grantee", "privilege_type", "is_grantable")}


def row_function(rewriting: Rewriting, index: int) -> None:
    """generate_series() and its kin, in FROM and in a select list."""
    opening = index + 1
    if rewriting.key(opening) != "(" or opening not in rewriting.partners:
        return
    before = index - 1
    while rewriting.key(before) == "." or rewriting.key(before) == "PG_CATALOG":
        before -= 1
    if rewriting.key(before) in ("FROM", "JOIN", "LATERAL") or _in_from(rewriting, before):
        if rewriting.key(index) not in RECORDS:
            _row_function_in_from(rewriting, index, rewriting.partners[opening])
    else:
        _row_function_in_list(rewriting, index, rewriting.partners[opening])


#: Functions of one value that clients ask for as a table.
RECORD_FUNCTIONS = {
    "JSON_TO_RECORDSET": "json_array_elements",
    "JSONB_TO_RECORDSET": "json_array_elements",
    "JSON_TO_RECORD": "pg_row",
    "JSONB_TO_RECORD": "pg_row",
}


def records(rewriting: Rewriting, index: int) -> None:
    """``FROM json_to_recordset(document) AS x(a int, b text)``: each object's members, as these types."""
    close = rewriting.partners.get(index + 1, -1)
    alias = close + 1 + (rewriting.key(close + 1) == "AS")
    names = alias + 1
    if rewriting.key(index + 1) != "(" or close < 0 or rewriting.key(names) != "(" or names not in rewriting.partners:
        return
    if _refers(rewriting, index + 2, close):
        raise rewriting.refuse(
            index, f"{rewriting.key(index).lower()}() of a column", "Give it a parameter, or json_array_elements()."
        )
    shown = []
    for first, _ in elements(rewriting, names):
        name = unquoted(rewriting.text, rewriting.tokens[first])
        type_name, _ = read_type(rewriting.text, rewriting.tokens, first + 1)
        if type_name is None:
            raise rewriting.error(first + 1)
        shown.append(f"{_member(name, type_name)} AS {quoted_name(name)}")
    rewriting.instead[index] = f"(SELECT {', '.join(shown)} FROM {RECORD_FUNCTIONS[rewriting.key(index)]}"
    rewriting.last(close, ")")
    rewriting.drop(names, rewriting.partners[names])


def _member(name: str, kind: TypeName) -> str:
    """An object's member as a value of a type."""
    if kind.name in ("json", "jsonb"):
        return f"pg_jsonb_get(value, {quoted(name)})"
    if kind.name.startswith("_"):
        return f"pg_array(pg_jsonb_get(value, {quoted(name)}))"
    value = f"pg_json_text(value, {quoted(name)})"
    cast = CASTS.get(kind.name) or ("pg_varchar" if kind.name == "varchar" and kind.modifiers else None)
    return f"{cast}({', '.join([value, *map(str, kind.modifiers)])})" if cast else value


VALUE_FUNCTIONS = frozenset(
    """
    NOW VERSION CURRENT_DATABASE CURRENT_SETTING SET_CONFIG STRING_TO_ARRAY REGEXP_MATCH PG_BACKEND_PID PG_IS_IN_RECOVERY
    GEN_RANDOM_UUID PG_SLEEP PG_TRY_ADVISORY_LOCK PG_ADVISORY_LOCK PG_ADVISORY_UNLOCK PG_TYPEOF PARSE_IDENT TO_TIMESTAMP
    CLOCK_TIMESTAMP STATEMENT_TIMESTAMP TRANSACTION_TIMESTAMP LOWER UPPER CONCAT LENGTH ABS COALESCE
    PG_CANCEL_BACKEND PG_TERMINATE_BACKEND FORMAT_TYPE
    """.split()
)


def value_function(rewriting: Rewriting, index: int) -> None:
    """``FROM string_to_array(a, ',') s``: a table of one row, whose column is called as it is."""
    close = rewriting.partners.get(index + 1, -1)
    before = index - 1
    while rewriting.key(before) == "." or rewriting.key(before) == "PG_CATALOG":
        before -= 1
    if rewriting.key(index + 1) != "(" or close < 0:
        return
    if rewriting.key(before) == "FROM":
        if not _begins_tables(rewriting, before):
            return
    elif rewriting.key(before) not in ("JOIN", "LATERAL") and not _in_from(rewriting, before):
        return
    at = close + 1 + (rewriting.key(close + 1) == "AS")
    named = rewriting.kind(at) in (WORD, QUOTED) and (at > close + 1 or rewriting.key(at) not in AFTER_FROM | JOINS)
    shown = unquoted(rewriting.text, rewriting.tokens[at] if named else rewriting.tokens[index])
    if named and rewriting.key(at + 1) == "(" and at + 1 in rewriting.partners:
        shown = next(iter(_listed_names(rewriting, at + 1)), shown)
        rewriting.drop(at + 1, rewriting.partners[at + 1])
    rewriting.before(index, "(SELECT ")
    rewriting.last(close, f" AS {quoted_name(shown)})" + ("" if named else f" AS {quoted_name(shown)}"))


def current_schema(rewriting: Rewriting, index: int) -> None:
    """The one function that may stand with and without parentheses."""
    if rewriting.key(index + 1) == "(":
        value_function(rewriting, index)
    else:
        _current_schema(rewriting, index)


_current_schema = bare("current_schema")


def _begins_tables(rewriting: Rewriting, at: int) -> bool:
    """Is this FROM a clause of its own, not EXTRACT's or IS DISTINCT's?"""
    if rewriting.key(at - 1) == "DISTINCT" and rewriting.key(at - 2) in ("IS", "NOT"):
        return False
    depth = 0
    for back in range(at - 1, -1, -1):
        key = rewriting.key(back)
        if key in (")", "]"):
            depth += 1
        elif key in ("(", "["):
            if depth == 0:
                return False
            depth -= 1
        elif depth == 0 and key in ("SELECT", "UPDATE"):
            return True
    return False


def _in_from(rewriting: Rewriting, at: int) -> bool:
    if rewriting.key(at) != ",":
        return False
    while at >= 0:
        key = rewriting.key(at)
        if key in ("FROM", "JOIN", "USING"):
            return True
        if key in ("SELECT", "(", "WHERE", "BY", "SET", "VALUES", "RETURNING"):
            return False
        partner = rewriting.partners.get(at, len(rewriting.tokens))
        at = partner - 1 if partner < at else at - 1
    return False


def _row_function_in_from(rewriting: Rewriting, index: int, close: int, given: list[str] | None = None) -> None:
    """
    :param given: the columns' names in SQLite, where they are other than one ``value``, or unnest's.
    """
    name = rewriting.key(index).lower()
    at = close + 1
    ordinality = rewriting.key(at) == "WITH" and rewriting.key(at + 1) == "ORDINALITY"
    if ordinality:
        rewriting.drop(at, at + 1)
        at += 2
    has_as = rewriting.key(at) == "AS"
    at += has_as
    alias, columns = None, []
    if rewriting.kind(at) in (WORD, QUOTED) and (has_as or rewriting.key(at) not in AFTER_FROM | JOINS):
        alias = unquoted(rewriting.text, rewriting.tokens[at])
        if rewriting.key(at + 1) == "(" and at + 1 in rewriting.partners:
            columns = _listed_names(rewriting, at + 1)
            rewriting.drop(at + 1, rewriting.partners[at + 1])
    if alias is None and given is None and "VALUE" in rewriting.keys:
        return  # SQLite's own name for the column
    count = 1 + _commas(rewriting, index + 2, close) if name == "unnest" else len(given or (name,))
    if count > _COMPARED_AFTER:
        _without_null(rewriting, index + 2, close)
    values = given or [f"value{'' if number == 0 else number + 1}" for number in range(count)]
    columns += values[len(columns) :] if columns and given else []
    if not columns:
        columns = [alias or name] if count == 1 else values
    shown = [f"{value} AS {quoted_name(column)}" for value, column in zip(values, columns, strict=False)]
    if ordinality:
        word = columns[count] if len(columns) > count else "ordinality"
        shown.append(f"row_number() OVER () AS {quoted_name(word)}")
    if _refers(rewriting, index + 2, close):
        counted = (columns[count] if len(columns) > count else "ordinality") if ordinality else None
        _rename_references(rewriting, index, close, alias or name, columns[:count], values, counted)
        if alias is None:
            rewriting.last(close, f" AS {quoted_name(name)}")
        return
    rewriting.before(index, f"(SELECT {', '.join(shown)} FROM ")
    rewriting.last(close, ")" if alias is not None else f") AS {quoted_name(name)}")


JOINS = frozenset("JOIN LEFT RIGHT FULL INNER CROSS NATURAL ON USING WITH AS LATERAL".split())

#: What follows a table's name, or another name for it.
_AFTER_SOURCE = JOINS - {"WITH", "AS"}

#: So many arguments of a table-valued function reach it without being compared by SQLite, where NULL equals nothing.
_COMPARED_AFTER = 16


def _without_null(rewriting: Rewriting, at: int, close: int) -> None:
    """An array that is NULL has no elements, like an empty one."""
    for _ in range(_commas(rewriting, at, close) + 1):
        end = rewriting.clause_end(at, frozenset((",",)))
        # Beside the commas, so that whatever is put around the arrays stays within.
        rewriting.after(at - 1, "coalesce(")
        rewriting.before(end, ", '[]')")
        at = end + 1


def _commas(rewriting: Rewriting, at: int, close: int) -> int:
    count = 0
    while (at := rewriting.clause_end(at, frozenset((",",)))) < close:
        count, at = count + 1, at + 1
    return count


def _refers(rewriting: Rewriting, first: int, last: int) -> bool:
    """Does an argument name a column? Then the call must stay beside its table: SQLite's subqueries in FROM see no neighbours."""
    for at in range(first, last):
        if rewriting.kind(at) == QUOTED:
            return True
        if rewriting.kind(at) == WORD and rewriting.key(at + 1) != "(" and rewriting.key(at) not in _CONSTANT_WORDS:
            if rewriting.key(at - 1) not in ("::", ".", "AS") or rewriting.key(at + 1) == ".":
                return True
    return False


_CONSTANT_WORDS = frozenset(
    "ARRAY NULL TRUE FALSE DATE TIMESTAMP TIMESTAMPTZ INTERVAL CURRENT_DATE CURRENT_TIMESTAMP AS".split()
)


def _rename_references(
    rewriting: Rewriting,
    index: int,
    close: int,
    alias: str,
    columns: list[str],
    values: list[str],
    ordinality: str | None,
) -> None:
    """Leave a call that refers to its neighbours where it is, and name its columns as the module does."""
    names = {column.lower(): value for column, value in zip(columns, values, strict=False)}
    if ordinality:
        if rewriting.key(index) != "UNNEST":
            raise rewriting.refuse(index, "WITH ORDINALITY of a column")
        names[ordinality.lower()] = "ordinality"
    first, last = rewriting.level_of(index)
    named = close  # the last token of the alias
    if rewriting.key(close + 1) in ("AS", "WITH"):
        named = close + 2
    elif rewriting.kind(close + 1) in (WORD, QUOTED) and rewriting.key(close + 1) not in AFTER_FROM | JOINS:
        named = close + 1
    if _is_star(rewriting, first):
        _name_star(rewriting, first, index, alias, names)
    for at in range(first, last):
        token = rewriting.tokens[at]
        if index <= at <= named or token.kind not in (WORD, QUOTED) or rewriting.key(at + 1) in ("(", "."):
            continue
        if rewriting.instead.get(at) == "":
            continue
        word = unquoted(rewriting.text, token).lower()
        if word in names:
            if rewriting.key(at - 1) == "AS":
                continue
            dotted = rewriting.key(at - 1) == "." and rewriting.key(at - 2).lower() == alias.lower()
            if dotted:
                rewriting.instead[at] = names[word]
            elif rewriting.key(at - 1) != ".":
                rewriting.instead[at] = f"{quoted_name(alias)}.{names[word]}"


def _is_star(rewriting: Rewriting, select: int) -> bool:
    return [rewriting.key(select + one) for one in range(3)] == ["SELECT", "*", "FROM"]


def _name_star(rewriting: Rewriting, select: int, index: int, alias: str, names: dict[str, str]) -> None:
    """``SELECT * FROM t, unnest(t.a) AS u(x)``: the star of the module would show its own names."""
    said = rewriting.instead.get(select + 1)
    if said is None:
        listed = sources(rewriting, select + 3)
        if listed is None:
            raise rewriting.refuse(index, "* beside a function of rows and USING", "Name the columns.")
        said = ", ".join(f"{quoted_name(source)}.*" for source in listed)
    own = ", ".join(f"{quoted_name(alias)}.{value} AS {quoted_name(name)}" for name, value in names.items())
    rewriting.instead[select + 1] = said.replace(f"{quoted_name(alias)}.*", own)


def sources(rewriting: Rewriting, at: int) -> list[str] | None:
    """What FROM lists from a token on, by the names that the statement has for it; None where USING makes one column of two."""
    found: list[str] = []
    end, in_condition = rewriting.clause_end(at, AFTER_FROM), False
    while at < end:
        token, following = rewriting.tokens[at], rewriting.key(at + 1)
        if token.key in ("USING", "NATURAL"):
            return None
        if token.key in JOINS or token.key == ",":
            in_condition = token.key == "ON"
        elif token.kind in (WORD, QUOTED) and not in_condition:
            if following == "(" and at + 1 in rewriting.partners and rewriting.key(at - 1) not in (")", "AS"):
                named = rewriting.partners[at + 1] + 1
                named += 2 * (rewriting.key(named) == "WITH")  # ORDINALITY
                named += rewriting.key(named) == "AS"
                if rewriting.kind(named) not in (WORD, QUOTED) or rewriting.key(named) in JOINS | AFTER_FROM:
                    found.append(unquoted(rewriting.text, token))
            elif following in ("", ",", "(", ")") or following in _AFTER_SOURCE or at + 1 == end:
                found.append(unquoted(rewriting.text, token))
        at = max(rewriting.partners.get(at, at), at) + 1
    return found


def expand_array(rewriting: Rewriting, index: int) -> None:
    """``(information_schema._pg_expandarray(v)).n`` and ``.x`` in a select list: the elements and their numbers, from FROM.

    Called bare it gives both, which ``(result.keys).x`` takes apart.
    """
    opening = index + 1
    select = rewriting.select_of(index)
    close = rewriting.partners.get(opening, -1)
    bracket = index - 1
    while rewriting.key(bracket) in (".", "INFORMATION_SCHEMA"):
        bracket -= 1
    in_brackets = rewriting.key(bracket) == "(" and rewriting.partners.get(bracket) == close + 1
    if in_brackets:
        select = rewriting.select_of(bracket - 1)
    if close < 0 or select < 0 or rewriting.key(select) != "SELECT":
        return
    argument = rewriting.text[rewriting.tokens[opening].end : rewriting.tokens[close].start]
    name = f"pg_keys{select}"
    begin = bracket if in_brackets else bracket + 1
    if name not in rewriting.modules:
        rewriting.modules.add(name)
        from_ = rewriting.clause_end(select + 1, frozenset(("FROM",)))
        end = rewriting.clause_end(from_ + 1, AFTER_FROM)
        rewriting.last(end - 1, f", unnest({argument}) AS {name}")
    field = rewriting.key(close + 3) if in_brackets and rewriting.key(close + 2) == "." else ""
    last = close + 3 if field else close
    words = {"N": f"{name}.ordinality", "X": f"{name}.value"}.get(
        field, f"json_object('x', {name}.value, 'n', {name}.ordinality)"
    )
    rewriting.drop(begin, last)
    rewriting.instead[begin] = words
    rewriting.skip = last


def _row_function_in_list(rewriting: Rewriting, index: int, close: int) -> None:
    """``SELECT generate_series(1, 3)``: the rows come from FROM."""
    bracket = index - 1
    while rewriting.key(bracket) in (".", "PG_CATALOG"):
        bracket -= 1
    # A record may stand in brackets, for a field of it.
    taken_apart = rewriting.key(index) in RECORDS and rewriting.partners.get(bracket) == close + 1
    select = rewriting.select_of(bracket - 1 if taken_apart else index)
    if select < 0 or rewriting.key(select) != "SELECT":
        raise rewriting.refuse(index, f"{rewriting.key(index).lower()}() here", "Put it into FROM.")
    arguments = rewriting.tokens[index + 2 : close]
    key, given = rewriting.key(index), ""
    if arguments:
        made = rewriting.translate(
            rewriting.text, arguments, arguments[0].start, arguments[-1].end, verb="", sqlite_order=True
        )
        rewriting.parameters = max(rewriting.parameters, made.parameters)
        rewriting.casts.update(made.casts)
        given = made.sql
    elif key != "PG_LISTENING_CHANNELS":
        raise rewriting.error(close)
    rewriting.rows += 1
    name = f"pg_rows{rewriting.rows}"
    leader = rewriting.leaders.setdefault(select, name)
    rewriting.forget(index, close)
    fields = [f"{quoted(one)}, {name}.{one}" for one in RECORDS.get(key, ())]
    rewriting.instead[index] = f"json_object({', '.join(fields)})" if fields else f"{name}.value"
    rewriting.skip = close
    from_ = rewriting.clause_end(select + 1, frozenset(("FROM",)) | AFTER_FROM)
    word = "FROM"
    end = from_
    if rewriting.key(from_) == "FROM":
        word, end = ",", rewriting.clause_end(from_ + 1, AFTER_FROM)
    call = f"{key.lower()}({given}) AS {name}"
    if leader != name:  # several in one list go on together, row by row
        rewriting.behind(end - 1, f" LEFT JOIN {call} ON {name}.rowid = {leader}.rowid")
    else:
        rewriting.behind(end - 1, f"{'' if word == ',' else ' '}{word} {call}")


#: Tables of the catalog that PostgreSQL has as functions without arguments, too.
TABLE_FUNCTIONS = frozenset(
    ("PG_AVAILABLE_EXTENSION_VERSIONS", "PG_AVAILABLE_EXTENSIONS", "PG_TIMEZONE_NAMES", "PG_TIMEZONE_ABBREVS")
)


def table_function(rewriting: Rewriting, index: int) -> None:
    """``FROM pg_available_extensions()``."""
    if rewriting.key(index + 1) == "(" and rewriting.partners.get(index + 1) == index + 2:
        rewriting.drop(index + 1, index + 2)


def ancestors(rewriting: Rewriting, index: int) -> None:
    """``pg_partition_ancestors(x) WITH ORDINALITY AS a(relid, depth)``: no table has any, and the names are the module's own."""
    close = rewriting.partners.get(index + 1, index)
    if rewriting.key(close + 1) == "WITH" and rewriting.key(close + 2) == "ORDINALITY":
        rewriting.drop(close + 1, close + 2)
        names = close + 4 + (rewriting.key(close + 3) == "AS")
        if rewriting.key(names) == "(" and names in rewriting.partners:
            rewriting.drop(names, rewriting.partners[names])
