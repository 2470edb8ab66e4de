"""PostgreSQL's words, said in SQLite's. [pure]

One pass over a statement's tokens: where a rule knows the token, it notes what to write in its place, before it or
after it. Everything else is copied as it stands, so a statement without a word of PostgreSQL's comes out unchanged, byte for byte.

Rules look at tokens, not at a tree; those that need an operand find it by its brackets. They may only leave alone or
refuse what they do not see through, never guess. What they ask and say is :mod:`ha.sql.rewriting`; they stand, by what they
are about, in `conversions`, `operators`, `sums`, `calls`, `clauses`, `rowsources`, `writes` and `declarations`; here are the
tables that name a rule for a token.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ha.sql import (
    answered,
    assignments,
    comparisons,
    declarations,
    enums,
    exact,
    grouping,
    groupingsets,
    literals,
    merge,
    overloads,
    singles,
    systemcolumns,
)
from ha.sql.calls import (
    OBJECT_FUNCTIONS,
    TEXT_SEARCH,
    bare,
    distinct_strings,
    extract,
    format_call,
    jsonb_set,
    large_object,
    named_arguments,
    notify,
    ordered_set,
    ours,
    precision,
    renamed,
    sequence,
    substring,
    text_search,
    trim,
    user,
    words_as_commas,
)
from ha.sql.carried import carry
from ha.sql.clauses import (
    alias,
    bracketed_select,
    catalog,
    empty_list,
    fetch,
    information_schema,
    limit,
    listed_rows,
    locking,
    offset,
    only,
    order,
    plain_word,
    schema,
    select_into,
    table_statement,
)
from ha.sql.compounds import compound
from ha.sql.conversions import (
    bits,
    cast,
    cast_call,
    named_literal,
    number,
    parameter,
    text_literal,
    to_reg,
    typed_literal,
    typeof,
    unicode_name,
)
from ha.sql.firsts import distinct
from ha.sql.groupedby import AGGREGATES
from ha.sql.operators import (
    absolute,
    any_of,
    array,
    at_zone,
    bracket,
    collate,
    document_text,
    exclusive,
    infix,
    joined,
    json_call,
    like,
    of_row,
    overlaps,
    power,
    prefix,
    question,
    regular,
    root,
    similar,
    spelled,
    symmetric,
    unknown,
)
from ha.sql.rewriting import OTHER_LITERAL_TYPES, Rewriting, Translation
from ha.sql.rowsources import (
    PAIR_FUNCTIONS,
    RECORD_FUNCTIONS,
    RECORDS,
    ROW_FUNCTIONS,
    TABLE_FUNCTIONS,
    VALUE_FUNCTIONS,
    after_bracket,
    ancestors,
    current_schema,
    expand_array,
    lateral,
    pair_function,
    records,
    row_function,
    sequence_state,
    table_function,
    value_function,
)
from ha.sql.rowvalues import row
from ha.sql.samples import sampled
from ha.sql.sums import divided, quotient, sum_
from ha.sql.tokens import BITS, DOLLAR, ESCAPED, NUMBER, PARAMETER, STRING, UNICODE, UNICODE_NAME, Token
from ha.sql.typed import Types
from ha.sql.writes import default_value, on_conflict, on_constraint, overriding, using, write


def translate(
    text: str,
    tokens: Sequence[Token],
    start: int,
    end: int,
    *,
    verb: str = "SELECT",
    sqlite_order: bool = False,
    types: Types | None = None,
    shown: bool = False,
) -> Translation:
    """SQLite's words for one statement.

    :param text: the whole text; the statement is ``text[start:end]``, and `tokens` are its own.
    :param verb: its command tag, which decides where a rule holds.
    :param types: what the schema tells, for a statement that asked.
    :param shown: it is a client's whole statement, whose result is shown, and not one inside of another.
    :raises StatementError: 0A000 for what SQLite cannot do, 42601 for what PostgreSQL could not read either.
    """
    rewriting = Rewriting(text, tokens, verb, sqlite_order, translate, types)
    if types is not None:
        enums.fit(rewriting, types)  # innermost, so first
        literals.fit(rewriting, types)
        rewriting.exact = exact.find(rewriting, types) if shown else None
    by_key, by_kind = _BY_KEY.get, _BY_KIND.get
    index = 0
    for index, token in enumerate(tokens):
        if rewriting.exact is not None and rewriting.exact.takes(index):
            continue
        rule = by_key(token.key) or by_kind(token.kind)
        if (
            types is not None
            and token.key in overloads.RULES
            and index > rewriting.skip
            and rewriting.instead.get(index) != ""
        ):
            overloads.choose(rewriting, types, index)
            if token.key in overloads.CHOSEN and index in rewriting.instead:
                continue
        if rule is not None and index > rewriting.skip and rewriting.instead.get(index) != "":
            rule(rewriting, index)
    if types is not None:
        grouping.check(rewriting, types)
        comparisons.fit(rewriting, types)
    for index, words in rewriting.endings:
        rewriting.last(index, words)
    if types is not None:
        singles.fit(rewriting, types)
        answered.fit(rewriting, types)
        assignments.fit(rewriting, types)  # around everything else, so last
    elif not rewriting.keys.isdisjoint(_ASKING) or answered.asks(rewriting) or exact.asks(rewriting):
        rewriting.ask()
    if verb == "CREATE VIEW" and not sqlite_order:
        answered.view(rewriting)
    if "OPERATOR" in text[start:end].upper():
        spelled(rewriting)
    carry(rewriting)
    return rewriting.written(start, end)


#: Words that mean one thing for one type and another for another.
_ASKING = comparisons.WORDS | overloads.WORDS | AGGREGATES


_BY_KIND: dict[str, Callable[[Rewriting, int], None]] = {
    PARAMETER: parameter,
    STRING: literals.ask,
    NUMBER: number,
    ESCAPED: text_literal,
    UNICODE: text_literal,
    DOLLAR: text_literal,
    BITS: bits,
    UNICODE_NAME: unicode_name,
}


_BY_KEY: dict[str, Callable[[Rewriting, int], None]] = {
    "::": cast,
    "CAST": cast_call,
    **dict.fromkeys(("TO_REGCLASS", "TO_REGTYPE", "TO_REGNAMESPACE", "TO_REGPROC", "TO_REGROLE"), to_reg),
    "DATE": typed_literal,
    "TIME": typed_literal,
    "TIMESTAMP": typed_literal,
    "TIMESTAMPTZ": typed_literal,
    "INTERVAL": typed_literal,
    **dict.fromkeys(OTHER_LITERAL_TYPES, named_literal),
    "ARRAY": array,
    "[": bracket,
    "ANY": any_of,
    "SOME": any_of,
    "ALL": any_of,
    "FOR": locking,
    "LIMIT": limit,
    "OFFSET": offset,
    "TABLESAMPLE": sampled,
    "FETCH": fetch,
    "ORDER": order,
    "+": sum_,
    "-": sum_,
    "*": sum_,
    "/": quotient,
    "%": divided,
    "^": power,
    "|/": root,
    "||/": root,
    "#>": json_call("pg_at_path", ", 0"),
    "#>>": json_call("pg_at_path", ", 1"),
    "@>": json_call("pg_contains"),
    "<@": json_call("pg_contained"),
    "&&": json_call("pg_overlaps"),
    "?": question,
    "SIMILAR": similar,
    "AT": at_zone,
    "EXTRACT": extract,
    "POSITION": words_as_commas("pg_position", "IN"),
    "SUBSTRING": substring,
    "SUBSTR": substring,
    "SQRT": ours("pg_sqrt"),
    "EXP": ours("pg_exp"),
    "LN": ours("pg_ln"),
    "LOG": ours("pg_log"),
    "LOG10": ours("pg_log"),
    "POWER": ours("pg_power"),
    "POW": ours("pg_power"),
    "ACOS": ours("pg_acos"),
    "ASIN": ours("pg_asin"),
    "MOD": ours("pg_mod"),
    "RANDOM": ours("pg_random"),
    "->>": document_text,
    "OVERLAY": words_as_commas("overlay", "PLACING", "FROM", "FOR"),
    "TRIM": trim,
    "JSON_BUILD_OBJECT": renamed("json_object"),
    "JSONB_BUILD_OBJECT": renamed("json_object"),
    "JSON_BUILD_ARRAY": renamed("json_array"),
    "JSONB_BUILD_ARRAY": renamed("json_array"),
    "FORMAT": format_call,
    "JSONB_SET": jsonb_set,
    "ONLY": only,
    "GROUP": groupingsets.asks,
    "GROUPING": groupingsets.asks_grouping,
    "LATERAL": lateral,
    "DISTINCT": distinct,
    "COLLATE": collate,
    "UNKNOWN": unknown,
    "INDEX": plain_word,
    "TRANSACTION": plain_word,
    "ROW": row,
    "IS": of_row,
    "CURRENT_TIMESTAMP": precision,
    "CURRENT_TIME": precision,
    "CURRENT_DATE": precision,
    "(": bracketed_select,
    ")": after_bracket,
    "_PG_EXPANDARRAY": expand_array,
    **dict.fromkeys((*ROW_FUNCTIONS, *RECORDS), row_function),
    **dict.fromkeys(RECORD_FUNCTIONS, records),
    **enums.RULES,
    **dict.fromkeys(TABLE_FUNCTIONS, table_function),
    **dict.fromkeys(VALUE_FUNCTIONS, value_function),
    "AS": alias,
    "NEXTVAL": sequence,
    "LAST_VALUE": sequence_state,
    "PG_NOTIFY": notify,
    **dict.fromkeys(OBJECT_FUNCTIONS, large_object),
    **dict.fromkeys(TEXT_SEARCH, text_search),
    "@@": text_search,
    "PG_TYPEOF": typeof,
    "CURRVAL": sequence,
    "SETVAL": sequence,
    "DEFAULT": default_value,
    "OVERRIDING": overriding,
    "ON": on_conflict,
    "USING": using,
    **systemcolumns.RULES,
    "MERGE": merge.begin,
    "INSERT": write,
    "UPDATE": write,
    "DELETE": write,
    "CONSTRAINT": on_constraint,
    "INTO": select_into,
    "TABLE": table_statement,
    "CREATE": declarations.create,
    "LIKE": like("LIKE"),
    "ILIKE": like("LIKE", folding=True),
    "~~": like("LIKE"),
    "~~*": like("LIKE", folding=True),
    "!~~": like("NOT LIKE"),
    "!~~*": like("NOT LIKE", folding=True),
    "||": joined,
    "~": regular("REGEXP"),
    "!~": regular("NOT REGEXP"),
    "~*": infix("REGEXP '(?i)' ||"),
    "!~*": infix("NOT REGEXP '(?i)' ||"),
    "CURRENT_USER": bare("current_user"),
    "SESSION_USER": bare("session_user"),
    "CURRENT_ROLE": bare("current_role"),
    "CURRENT_CATALOG": bare("current_database"),
    "CURRENT_SCHEMA": current_schema,
    "LOCALTIMESTAMP": precision,
    "LOCALTIME": precision,
    "OVERLAPS": overlaps,
    "MAKE_INTERVAL": named_arguments,
    "MODE": ordered_set,
    "PERCENTILE_CONT": ordered_set,
    "PERCENTILE_DISC": ordered_set,
    "STRING_AGG": distinct_strings,
    "SELECT": empty_list,
    "VALUES": listed_rows,
    "UNION": compound,
    "INTERSECT": compound,
    "EXCEPT": compound,
    **dict.fromkeys(PAIR_FUNCTIONS, pair_function),
    "JSONB_INSERT": ours("pg_jsonb_insert"),
    "#-": json_call("pg_jsonb_delete_path"),
    "^@": prefix,
    "@": absolute,
    "#": exclusive,
    "BETWEEN": symmetric,
    "TIMETZ": typed_literal,
    "USER": user,
    "PUBLIC": schema,
    '"public"': schema,
    "INFORMATION_SCHEMA": information_schema,
    '"information_schema"': information_schema,
    "PG_PARTITION_ANCESTORS": ancestors,
    "PG_CATALOG": catalog,
    '"pg_catalog"': catalog,
}
