"""What a statement gives and wants, seen from its words: column names, types of expressions, types of parameters. [pure]

SQLite names an expression's column by its text and gives it no type; PostgreSQL's clients expect ``count`` and int8, and
some encode parameters in binary by the types that we announce. So this reads the statement's tokens with a schema at hand.

It under-infers: where it is not sure it says None, and whoever asks decides by values or takes text. A wrong type would
commit a client to a wrong encoding.

Use: ``columns(statement, facts.columns, schema)`` and ``parameters(statement, schema)``; keep the answers while the schema
stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ha.sql.kinds import Statement
from ha.sql.tokens import BIND, BLOB, NUMBER, PARAMETER, QUOTED, TEXTS, UNICODE_NAME, WORD, Token, tokenize, unquoted
from ha.sql.typenames import declared, read_type
from ha.values import Column


class Schema(Protocol):
    """What is asked of the schema."""

    def column_type(self, table: str, column: str) -> str | None:
        """The declared type's words; None if there is no such column, "" if it is declared without."""

    def columns(self, table: str) -> Sequence[str] | None:
        """A table's columns in their order; None if there is no such table."""


class Source(Protocol):
    """A result's column as SQLite knows it."""

    @property
    def name(self) -> str: ...
    @property
    def decltype(self) -> str | None: ...
    @property
    def table(self) -> str | None: ...
    @property
    def origin(self) -> str | None: ...


def columns(statement: Statement, sources: Sequence[Source], schema: Schema) -> tuple[Column, ...]:
    """A result's columns with PostgreSQL's names and types.

    :param sources: SQLite's own description, which knows the number of columns behind ``*``.
    """
    reading = Reading(statement.text, schema)
    items = reading.items()
    placed = _placed(items, len(sources))
    made = []
    for at, source in enumerate(sources):
        item = placed[at]
        name = source.name if item is None else reading.name(item)
        expression = None
        if source.decltype is None:
            expression = reading.type_of(item.first, item.last) if item is not None else reading.of_star(source.name)
        made.append(Column(name, source.decltype, source.table, source.origin, expression))
    return tuple(made)


def parameters(statement: Statement, schema: Schema) -> tuple[str | None, ...]:
    """A type for each ``$n``, None where nothing is known."""
    if not statement.parameters:
        return ()
    reading = Reading(statement.text, schema)
    found: list[str | None] = [None] * statement.parameters
    for number, name in statement.casts:
        found[number - 1] = name
    for number, name in reading.parameters():
        if 0 < number <= len(found) and found[number - 1] is None:
            found[number - 1] = name
    return tuple(found)


@dataclass(slots=True)
class Item:
    """One item of a select list: its tokens without the alias (from, to before)."""

    first: int
    last: int
    alias: str | None = None
    star: bool = False
    number: int = 0  # of a VALUES list, from 1


def _placed(items: list[Item], count: int) -> list[Item | None]:
    """Which item each column comes from; None for those behind a ``*``."""
    stars = [at for at, item in enumerate(items) if item.star]
    if not stars:
        return [*items, *[None] * count][:count] if len(items) == count else [None] * count
    placed: list[Item | None] = [None] * count
    for at, item in enumerate(items[: stars[0]]):
        if at < count:
            placed[at] = item
    after = items[stars[-1] + 1 :]
    for at, item in enumerate(after):
        where = count - len(after) + at
        if 0 <= where < count:
            placed[where] = item
    return placed


@dataclass(slots=True)
class Scope:
    """The tables of a FROM clause: what each is called there, and what it is."""

    tables: dict[str, str] = field(default_factory=dict)
    #: Subqueries, and the names that their columns were given beside the alias.
    derived: dict[str, tuple[list[Item], list[str]]] = field(default_factory=dict)
    #: Functions that give rows of one column: alias, column, type.
    called: dict[str, tuple[str, str]] = field(default_factory=dict)


_COMPARISONS = frozenset(
    "= <> != < > <= >= == ~ !~ ~* !~* ~~ !~~ ~~* !~~* @> <@ && LIKE ILIKE GLOB REGEXP MATCH".split()
)
_TRUTHS = frozenset("AND OR NOT IS IN BETWEEN EXISTS ISNULL NOTNULL SIMILAR".split())
_CLAUSES = frozenset(
    "FROM WHERE GROUP HAVING ORDER LIMIT OFFSET FETCH FOR WINDOW UNION INTERSECT EXCEPT RETURNING ON SET VALUES USING".split()
)
_NUMBERS = ("int2", "int4", "int8", "numeric", "float4", "float8")
_TIMES = frozenset(("date", "timestamp", "timestamptz", "time", "timetz"))

_RESULTS = {
    "int4": "ascii array_length array_lower array_ndims array_position array_upper bit_length cardinality char_length "
    "character_length inet_client_port inet_server_port json_array_length jsonb_array_length length ntile octet_length "
    "pg_backend_pid position regexp_count strpos unicode width_bucket instr pg_encoding_to_char_id",
    "int8": "count currval dense_rank factorial lastval last_insert_rowid nextval pg_database_size pg_relation_size "
    "pg_table_size pg_total_relation_size rank row_number setval total_changes changes txid_current unixepoch",
    "float8": "acos asin atan atan2 cbrt corr cos cot covar_pop covar_samp cume_dist date_part degrees exp percent_rank "
    "pi radians random regr_slope sin tan total julianday",
    "numeric": "extract stddev stddev_pop stddev_samp to_number var_pop var_samp variance",
    "text": "array_to_string btrim chr col_description concat concat_ws current_setting encode format format_type group_concat "
    "initcap json_extract_path_text left lower lpad ltrim md5 obj_description overlay pg_get_constraintdef pg_get_expr "
    "pg_get_indexdef pg_get_viewdef pg_size_pretty printf quote_ident quote_literal regexp_replace repeat replace reverse "
    "right rpad rtrim set_config shobj_description split_part string_agg substr substring to_char to_hex translate trim typeof "
    "upper version hex quote pg_get_functiondef pg_get_serial_sequence timeofday strftime sqlite_version regexp_substr "
    "pg_get_triggerdef pg_get_ruledef pg_get_partkeydef pg_get_function_arguments pg_get_function_identity_arguments "
    "pg_get_function_result pg_get_statisticsobjdef pg_get_statisticsobjdef_columns pg_tablespace_location pg_describe_object "
    "pg_get_partition_constraintdef pg_get_function_arg_default",
    "name": "getdatabaseencoding current_catalog current_database current_role current_schema current_user session_user user "
    "pg_get_userbyid pg_encoding_to_char",
    "bool": "bool_and bool_or every exists has_column_privilege has_database_privilege has_function_privilege "
    "has_schema_privilege has_sequence_privilege has_table_privilege json_valid pg_is_in_recovery "
    "pg_opclass_is_visible pg_operator_is_visible pg_collation_is_visible row_security_active pg_relation_is_publishable "
    "pg_table_is_visible pg_type_is_visible pg_function_is_visible regexp_like starts_with pg_try_advisory_lock "
    "pg_advisory_unlock pg_has_role has_any_column_privilege has_type_privilege pg_cancel_backend",
    "timestamptz": "clock_timestamp current_timestamp make_timestamptz now pg_conf_load_time pg_postmaster_start_time "
    "statement_timestamp to_timestamp transaction_timestamp",
    "timestamp": "localtimestamp make_timestamp",
    "date": "current_date make_date to_date",
    "time": "localtime make_time",
    "timetz": "current_time",
    "interval": "age justify_days justify_hours justify_interval make_interval",
    "uuid": "gen_random_uuid uuid_generate_v4",
    "json": "array_to_json json_agg json_array json_build_array json_build_object json_object json_object_agg row_to_json "
    "to_json json_group_array json_group_object json_strip_nulls json_set json_insert json_patch json_remove json_replace",
    "jsonb": "jsonb_agg jsonb_build_array jsonb_build_object jsonb_insert jsonb_object jsonb_object_agg jsonb_set "
    "jsonb_strip_nulls to_jsonb",
    "_text": "regexp_match regexp_matches regexp_split_to_array string_to_array",
    "_name": "current_schemas",
    "bytea": "decode sha224 sha256 sha384 sha512 zeroblob randomblob",
    "void": "pg_sleep pg_advisory_lock pg_advisory_xact_lock pg_advisory_unlock_all pg_notify",
    "oid": "lo_create lo_creat pg_my_temp_schema pg_relation_filenode",
    "regclass": "to_regclass pg_get_replica_identity_index",
    "regtype": "to_regtype pg_typeof",
    "regproc": "to_regproc",
    "regnamespace": "to_regnamespace",
    "regrole": "to_regrole",
}
_RESULT_OF = {name: result for result, names in _RESULTS.items() for name in names.split()}
#: Functions whose type is that of their first typed argument.
_LIKE_ARGUMENT = frozenset(
    "max min coalesce nullif greatest least ifnull iif first_value last_value nth_value lag lead abs mod sign "
    "date_trunc date_bin bit_and bit_or bit_xor mode array_append array_cat array_remove generate_series".split()
)
_NUMERIC = frozenset("round ceil ceiling floor trunc sqrt power pow ln log exp".split())
#: Arguments of functions with one type, for parameters.
_ARGUMENT = {
    "pg_sleep": "float8", "lower": "text", "upper": "text", "length": "text", "substr": "text", "trim": "text", "replace": "text",
    "left": "text", "right": "text", "md5": "text", "to_regclass": "text", "set_config": "text", "current_setting": "text",
    "generate_series": "int8", "concat": "text", "pg_advisory_lock": "int8", "pg_advisory_unlock": "int8",
    "pg_try_advisory_lock": "int8", "nextval": "text", "currval": "text", "setval": "text", "json_extract": "text",
    "pg_notify": "text", "split_part": "text", "position": "text", "strpos": "text", "chr": "int4", "abs": "numeric",
}  # fmt: skip
#: PostgreSQL's names for calls and words that are spelled otherwise.
_NAMES = {"CURRENT_CATALOG": "current_catalog", "USER": "user", "TRIM": "btrim", "CEILING": "ceil"}


class Reading:
    """One statement's tokens, and what the schema says of the names in them."""

    def __init__(self, text: str, schema: Schema) -> None:
        self.text = text
        self.schema = schema
        self.tokens: list[Token] = tokenize(text)
        self.partners = _partners(self.tokens)
        self._scopes: dict[int, Scope] = {}
        #: What WITH names, lower case.
        self._common: dict[str, tuple[list[Item], list[str]]] = {}
        self._stars: list[Item] = []
        self._looking = 0

    def key(self, at: int) -> str:
        return self.tokens[at].key if 0 <= at < len(self.tokens) else ""

    def kind(self, at: int) -> str:
        return self.tokens[at].kind if 0 <= at < len(self.tokens) else ""

    def is_name(self, at: int) -> bool:
        return self.kind(at) in (WORD, QUOTED, UNICODE_NAME)

    def plain(self, at: int) -> str:
        """The name a token means."""
        return unquoted(self.text, self.tokens[at])

    def level(self, first: int, last: int) -> Iterable[int]:
        """The tokens of a range that stand in no bracket of its own, the brackets themselves included."""
        at = first
        while at < last:
            yield at
            partner = self.partners.get(at, -1)
            at = partner if at < partner < last else at + 1
            if at == partner:
                yield at
                at += 1

    # Select lists

    def items(self) -> list[Item]:
        """The items of the statement's result: of its SELECT, its VALUES, or its RETURNING."""
        start, end = 0, len(self.tokens)
        while end and self.key(end - 1) == ";":
            end -= 1
        return self.items_between(start, end)

    def items_between(self, start: int, end: int) -> list[Item]:
        while self.key(start) == "(" and self.partners.get(start) == end - 1:
            start, end = start + 1, end - 1
        if self.key(start) == "EXPLAIN":
            return []
        at = start
        if self.key(start) == "WITH":
            at = self._after_with(start, end)
        word = self.key(at)
        if word == "(":
            return self.items_between(at + 1, self.partners.get(at, end))
        if word in ("INSERT", "REPLACE", "UPDATE", "DELETE"):
            for where in self.level(at, end):
                if self.key(where) == "RETURNING":
                    return self._listed(where + 1, end, at)
            return []
        if word == "VALUES":
            return self._values(at + 1)
        if word != "SELECT":
            return []
        first = at + 1
        if self.key(first) == "DISTINCT" and self.key(first + 1) == "ON":
            first = self.partners.get(first + 2, first + 1) + 1
        elif self.key(first) in ("ALL", "DISTINCT"):
            first += 1
        return self._listed(first, end, at)

    def _after_with(self, start: int, end: int) -> int:
        for at in self.level(start, end):
            if self.key(at) == "AS" and self.key(at + 1 + self._materialized(at + 1)) == "(":
                self._name_common(at)
            elif self.key(at) in ("SELECT", "INSERT", "REPLACE", "UPDATE", "DELETE", "VALUES"):
                return at
        return start

    def _materialized(self, at: int) -> int:
        return 2 if self.key(at) == "NOT" else int(self.key(at) == "MATERIALIZED")

    def _name_common(self, at: int) -> None:
        """``name [(columns)] AS (query)``, from its AS."""
        opening = at + 1 + self._materialized(at + 1)
        name, names = at - 1, []
        if self.key(name) == ")" and name in self.partners:
            names = self._names_in(self.partners[name])
            name = self.partners[name] - 1
        if opening in self.partners and self.is_name(name):
            self._common[self.plain(name).lower()] = (self.items_between(opening + 1, self.partners[opening]), names)

    def _names_in(self, opening: int) -> list[str]:
        """The names in a bracket, lower case."""
        return [
            self.plain(first).lower()
            for first, _ in self.parts(opening + 1, self.partners[opening])
            if self.is_name(first)
        ]

    def _values(self, at: int) -> list[Item]:
        if self.key(at) != "(" or at not in self.partners:
            return []
        parts = self.parts(at + 1, self.partners[at])
        return [
            Item(first, last, f"column{number + 1}", number=number + 1) for number, (first, last) in enumerate(parts)
        ]

    def _listed(self, first: int, end: int, select: int) -> list[Item]:
        stop = end
        for at in self.level(first, end):
            if self.key(at) in _CLAUSES and self.key(at - 1) not in (".", "AS") and not self._from_of_distinct(at):
                stop = at
                break
        scope = self._scope(select, end)
        found = []
        for start, last in self.parts(first, stop):
            item = self._item(start, last)
            found.append(item)
            if item.star:
                self._stars.append(item)
            self._scopes[item.first] = scope
        return found

    def _from_of_distinct(self, at: int) -> bool:
        return self.key(at) == "FROM" and self.key(at - 1) == "DISTINCT" and self.key(at - 2) in ("IS", "NOT")

    def parts(self, first: int, last: int) -> list[tuple[int, int]]:
        """A list's elements between commas, (from, to before) each."""
        found, start = [], first
        depth = 0
        for at in range(first, last):
            key = self.key(at)
            depth += (key in ("(", "[")) - (key in (")", "]"))
            if key == "," and depth == 0:
                found.append((start, at))
                start = at + 1
        if start < last:
            found.append((start, last))
        return found

    def _item(self, first: int, last: int) -> Item:
        if self.key(last - 1) == "*" and (last - first == 1 or self.key(last - 2) == "."):
            return Item(first, last, star=True)
        if last - first >= 3 and self.key(last - 2) == "AS":
            return Item(first, last - 2, self._alias(last - 1))
        if last - first >= 2 and self._bare_alias(last - 1, first):
            return Item(first, last - 1, self._alias(last - 1))
        return Item(first, last)

    def _alias(self, at: int) -> str:
        token = self.tokens[at]
        if token.kind in TEXTS:  # SQLite takes a string for a name
            return self.text[token.start + 1 : token.end - 1]
        return self.plain(at)

    def _bare_alias(self, at: int, first: int) -> bool:
        """Is the last token of an item its alias without AS? It is if it is a name after the end of an operand."""
        if not self.is_name(at):
            return False
        if self.kind(at) == WORD and self.key(at) in _NEVER_ALIAS:
            return False
        before = self.key(at - 1)
        if before in (")", "]", "END", "NULL", "TRUE", "FALSE"):
            return True
        kind = self.kind(at - 1)
        if kind == WORD:
            if before in _OPERATOR_WORDS:
                return False
            # x::double precision, interval '1' day
            cast, after = self._type_before(at)
            return not (cast and after == at + 1)
        return kind in TEXTS or kind in (NUMBER, PARAMETER, BIND, BLOB, QUOTED, UNICODE_NAME)

    def _type_before(self, at: int) -> tuple[str | None, int]:
        """The type of a cast that the token `at` may be a word of."""
        for back in range(at - 1, max(at - 6, -1), -1):
            if self.key(back) == "::":
                type_name, after = read_type(self.text, self.tokens, back + 1)
                return (type_name.name if type_name else None), after
        return None, -1

    # Names

    def name(self, item: Item) -> str:
        """What PostgreSQL calls an item."""
        return item.alias if item.alias is not None else self._figured(item.first, item.last) or "?column?"

    def _figured(self, first: int, last: int) -> str | None:
        if first >= last:
            return None
        while self.key(first) == "(" and self.partners.get(first) == last - 1:
            inner = first + 1
            if self.key(inner) in ("SELECT", "WITH", "VALUES"):
                items = self.items_between(inner, last - 1)
                return self.name(items[0]) if items and not items[0].star else None
            first, last = inner, last - 1
        cast = self._cast_at_end(first, last)
        if cast is not None:
            cast_name, operand = cast
            earlier = self._cast_at_end(first, operand)
            while earlier is not None:  # of several casts the last one counts
                operand = earlier[1]
                earlier = self._cast_at_end(first, operand)
            return self._figured(first, operand) or cast_name
        if self.key(last - 2) == "COLLATE":
            return self._figured(first, last - 2)
        key = self.key(first)
        if self.key(last - 1) == "]" and last - 1 in self.partners:
            opening = self.partners[last - 1]
            return "array" if self.key(opening - 1) == "ARRAY" else self._figured(first, opening)
        if key == "CASE" and self.partners.get(first) == last - 1:
            return self._of_else(first, last) or "case"
        if key == "CAST" and self.partners.get(first + 1) == last - 1:
            return self._cast_call_name(first, last)
        if last - first == 1:
            return self._single(first)
        if last - first == 2 and self.kind(first + 1) in TEXTS and self.kind(first) == WORD:
            type_name, after = read_type(self.text, self.tokens, first)
            return type_name.name if type_name and after == first + 1 else None
        return self._path(first, last)

    def _of_else(self, first: int, last: int) -> str | None:
        """A CASE is called after its ELSE, if that is a column or a call, cast or not."""
        start = next((at + 1 for at in self.level(first + 1, last - 1) if self.key(at) == "ELSE"), None)
        if start is None:
            return None
        cast = self._cast_at_end(start, last - 1)
        return self._figured(start, cast[1] if cast is not None else last - 1)

    def _cast_call_name(self, first: int, last: int) -> str | None:
        for at in self.level(first + 2, last - 1):
            if self.key(at) == "AS":
                type_name, _ = read_type(self.text, self.tokens, at + 1)
                return self._figured(first + 2, at) or (type_name.name if type_name else None)
        return None

    def _single(self, at: int) -> str | None:
        kind, key = self.kind(at), self.key(at)
        if kind in (QUOTED, UNICODE_NAME):
            return self.plain(at)
        if kind != WORD or key in ("NULL", "TRUE", "FALSE"):
            return None
        return _NAMES.get(key) or self.plain(at)

    def _path(self, first: int, last: int) -> str | None:
        """``a.b.c``, ``f(…)``, ``s.f(…) OVER (…)``."""
        at = first
        if not self.is_name(at) or self.key(at) in ("NOT", "CASE", "NULL"):
            return None
        while self.key(at + 1) == "." and self.is_name(at + 2):
            at += 2
        if at == last - 1:
            return self.plain(at)
        if self.key(at + 1) != "(" or at + 1 not in self.partners:
            return None
        close = self.partners[at + 1]
        where = close + 1
        while where < last and self.key(where) in ("FILTER", "OVER", "WITHIN"):
            if self.key(where) == "WITHIN":
                where += 1
            where = self.partners.get(where + 1, where + 1) + 1
        if where != last:
            return None
        return _NAMES.get(self.key(at)) or self.plain(at)

    def _cast_at_end(self, first: int, last: int) -> tuple[str, int] | None:
        """``operand::type`` where the cast is the outermost thing: the type, and where the operand ends."""
        found = None
        for at in self.level(first, last):
            if self.key(at) == "::":
                found = at
        if found is None:
            return None
        type_name, after = read_type(self.text, self.tokens, found + 1)
        if type_name is None or after != last or not self._is_primary(first, found):
            return None
        return type_name.name, found

    def _is_primary(self, first: int, last: int) -> bool:
        """No operator stands in the range outside of brackets."""
        at = first
        while at < last:
            key = self.key(at)
            if at in self.partners and self.partners[at] > at:
                at = self.partners[at] + 1
                continue
            if key == "::":
                _, after = read_type(self.text, self.tokens, at + 1)
                at = max(after, at + 1)
                continue
            if self.kind(at) == "operator" and key != "." or (self.kind(at) == WORD and key in _OPERATOR_WORDS):
                return False
            at += 1
        return True

    # Types

    def type_of(self, first: int, last: int, scope: Scope | None = None) -> str | None:
        """The type of an expression, None if it is not known."""
        scope = scope or self._scopes.get(first) or Scope()
        return self._type(first, last, scope, 0)

    def _type(self, first: int, last: int, scope: Scope, depth: int) -> str | None:
        if first >= last or depth > 40:
            return None
        while self.key(first) == "(" and self.partners.get(first) == last - 1:
            inner = first + 1
            if self.key(inner) in ("SELECT", "WITH", "VALUES"):
                items = self.items_between(inner, last - 1)
                if not items or items[0].star:
                    return None
                return self._type(items[0].first, items[0].last, self._scopes.get(items[0].first) or scope, depth + 1)
            first, last = inner, last - 1
        operator = self._outermost(first, last)
        if operator is not None:
            return self._operated(first, operator, last, scope, depth)
        return self._primary(first, last, scope, depth)

    def _outermost(self, first: int, last: int) -> int | None:
        """The operator that binds least, the last of equals."""
        best, weight = None, 99
        for at in self.level(first, last):
            key = self.key(at)
            if self.kind(at) != WORD and self.kind(at) != "operator" and key != "?":
                continue
            rank = _RANKS.get(key)
            if rank is None or at == first and key not in ("NOT", "EXISTS", "-", "+", "~", "|/", "@"):
                continue
            if key == "AND" and self._of_between(first, at):
                continue
            if key in ("-", "+") and at > first and not self._ends_operand(at - 1):
                continue
            if at == first:
                rank = 5 if key == "NOT" else 19
            if rank <= weight and key != "::":
                best, weight = at, rank
        return best

    def _of_between(self, first: int, at: int) -> bool:
        return any(self.key(back) == "BETWEEN" for back in range(at - 1, max(first, at - 12) - 1, -1))

    def _ends_operand(self, at: int) -> bool:
        key, kind = self.key(at), self.kind(at)
        if kind == WORD:
            return key not in _OPERATOR_WORDS
        return kind != "operator" or key in (")", "]")

    def _operated(self, first: int, at: int, last: int, scope: Scope, depth: int) -> str | None:
        key = self.key(at)
        if key in _TRUTHS or key in _COMPARISONS or key in ("?", "?|", "?&", "<", ">"):
            return "bool"
        if key == "COLLATE":
            return self._type(first, at, scope, depth + 1)
        if at == first:
            return self._type(at + 1, last, scope, depth + 1) if key in ("-", "+", "~", "@") else "float8"
        left = self._type(first, at, scope, depth + 1)
        right = self._type(at + 1, last, scope, depth + 1)
        if key == "||":
            for side in (left, right):
                if side and (side.startswith("_") or side == "jsonb"):
                    return side
            return "text"
        if key in ("->", "#>", "#-"):
            return "jsonb" if left == "jsonb" else "json"
        if key in ("->>", "#>>"):
            return "text"
        if key == "^":
            return "numeric" if "numeric" in (left, right) else "float8"
        if key in ("&", "|", "#", "<<", ">>"):
            return left or "int8"
        return _arithmetic(key, left, right)

    def _primary(self, first: int, last: int, scope: Scope, depth: int) -> str | None:
        cast = self._cast_at_end(first, last)
        if cast is not None:
            return cast[0]
        key, kind = self.key(first), self.kind(first)
        if key == "(" and self.key(last - 2) == "." and self.key(first + 3) == "_PG_EXPANDARRAY":
            return "int4" if self.key(last - 1) == "N" else "int2"
        if self.key(last - 1) == "]" and last - 1 in self.partners:
            return self._element(first, last, scope, depth)
        if key == "CASE" and self.partners.get(first) == last - 1:
            return self._case(first, last, scope, depth)
        if last - first == 1:
            return self._literal(first, scope)
        if kind == WORD and self.kind(first + 1) in TEXTS and last - first == 2:
            type_name, after = read_type(self.text, self.tokens, first)
            return type_name.name if type_name and after == first + 1 else None
        if self.is_name(first):
            return self._named(first, last, scope, depth)
        return None

    def _literal(self, at: int, scope: Scope) -> str | None:
        kind, key = self.kind(at), self.key(at)
        if kind in TEXTS:
            return "text"
        if kind == NUMBER:
            if not key.isdecimal():
                return "int8" if key[:2].lower() == "0x" else "numeric"
            return "int4" if int(key) < 2**31 else "int8" if int(key) < 2**63 else "numeric"
        if kind == BLOB:
            return "bytea"
        if key in ("TRUE", "FALSE"):
            return "bool"
        if kind == WORD and key.lower() in _BARE:
            return _RESULT_OF[key.lower()]
        return self._column(None, self.plain(at), scope) if self.is_name(at) and key != "NULL" else None

    def _element(self, first: int, last: int, scope: Scope, depth: int) -> str | None:
        opening = self.partners[last - 1]
        if self.key(opening - 1) == "ARRAY":
            parts = self.parts(opening + 1, last - 1)
            for start, end in parts:
                found = self._type(start, end, scope, depth + 1)
                if found:
                    return found if found.startswith("_") else "_" + found
            return None
        array = self._type(first, opening, scope, depth + 1)
        if array is None or not array.startswith("_"):
            return None
        return array if ":" in [self.key(at) for at in self.level(opening + 1, last - 1)] else array[1:]

    def _case(self, first: int, last: int, scope: Scope, depth: int) -> str | None:
        found: str | None = None
        start = None
        at = first + 1
        while at < last:
            key = self.key(at)
            if start is not None and key in ("WHEN", "ELSE", "END"):
                found = _common(found, self._type(start, at, scope, depth + 1))
                start = None
            if key in ("THEN", "ELSE"):
                start = at + 1
            at = self.partners[at] + 1 if at in self.partners and self.partners[at] > at else at + 1
        return found

    def _named(self, first: int, last: int, scope: Scope, depth: int) -> str | None:
        at = first
        while self.key(at + 1) == "." and self.is_name(at + 2):
            at += 2
        if at == last - 1:
            return self._column(self.plain(at - 2), self.plain(at), scope)
        if self.key(at + 1) == "(" and at + 1 in self.partners:
            return self._called(self.plain(at).lower(), at + 2, self.partners[at + 1], scope, depth)
        return None

    def _before_order(self, start: int, end: int) -> int:
        """An aggregate's argument ends before its ORDER BY."""
        return next((at for at in self.level(start, end) if self.key(at) == "ORDER" and at > start), end)

    def _called(self, name: str, first: int, last: int, scope: Scope, depth: int) -> str | None:
        if name == "array":
            items = self.items_between(first, last)
            element = (
                self._type(items[0].first, items[0].last, self._scopes.get(items[0].first) or scope, depth + 1)
                if items
                else None
            )
            return "_" + element if element and not element.startswith("_") else element
        if name == "cast":
            for at in self.level(first, last):
                if self.key(at) == "AS":
                    type_name, _ = read_type(self.text, self.tokens, at + 1)
                    return type_name.name if type_name else None
            return None
        known = _RESULT_OF.get(name)
        if known is not None:
            return known
        if self.key(first) in ("DISTINCT", "ALL"):
            first += 1
        arguments = [(start, self._before_order(start, end)) for start, end in self.parts(first, last)]
        types = [self._type(start, end, scope, depth + 1) for start, end in arguments[:20]]
        if name in _LIKE_ARGUMENT:
            if name in ("date_trunc", "iif"):
                types = types[1:]
            found = None
            for one in types:
                found = _common(found, one)
            return found
        first_type = types[0] if types else None
        if name == "sum":
            return {"int2": "int8", "int4": "int8", "int8": "numeric"}.get(first_type or "", first_type)
        if name == "avg":
            return (
                "float8"
                if first_type in ("float4", "float8")
                else "interval"
                if first_type == "interval"
                else "numeric"
            )
        if name in _NUMERIC:
            return "float8" if first_type in ("float4", "float8") else "numeric" if first_type else None
        if name in ("array_agg", "array_prepend"):
            element = types[-1]
            return "_" + element if element and not element.startswith("_") else element
        if name == "unnest" and first_type and first_type.startswith("_"):
            return first_type[1:]
        if name in ("timezone",):
            return None
        return None

    def of_star(self, column: str) -> str | None:
        """The type of a column behind a ``*``, by its name."""
        for item in self._stars:
            found = self._of_star(item, column)
            if found is not None:
                return found
        return None

    def _of_star(self, item: Item, column: str) -> str | None:
        scope = self._scopes.get(item.first)
        if scope is None:
            return None
        return self._column(self.plain(item.first) if item.last - item.first > 1 else None, column, scope)

    def _derived(self, items: list[Item], names: list[str], column: str) -> str | None:
        """The type of a subquery's column."""
        low = column.lower()
        if self._looking > 40:
            return None
        self._looking += 1
        try:
            for number, item in enumerate(items):
                if item.star:
                    found = self._of_star(item, column)
                    if found is not None:
                        return found
                elif (names[number] if number < len(names) else self.name(item).lower()) == low:
                    return self.type_of(item.first, item.last)
            return None
        finally:
            self._looking -= 1

    def _column(self, table: str | None, column: str, scope: Scope) -> str | None:
        for alias, (items, names) in scope.derived.items():
            if table is None or alias == table.lower():
                found = self._derived(items, names, column)
                if found is not None or table is not None:
                    return found
        for alias, (name, kind) in scope.called.items():
            if (table is None or alias == table.lower()) and name == column.lower():
                return kind
        if table is not None:
            origin = scope.tables.get(table.lower(), table)
            words = self.schema.column_type(origin, column)
            return declared(words) if words else None
        for origin in dict.fromkeys(scope.tables.values()):
            words = self.schema.column_type(origin, column)
            if words is not None:
                return declared(words) if words else None
        return None

    # Scopes

    def _scope(self, start: int, end: int) -> Scope:
        """The tables named in a statement's FROM, JOIN, INTO and UPDATE, outside of its brackets."""
        scope = Scope()
        expecting = False
        for at in self.level(start, end):
            key = self.key(at)
            if key in ("FROM", "JOIN", "INTO", "UPDATE", "USING") and not self._from_of_distinct(at):
                expecting = True
                continue
            if key in ("WHERE", "SET", "GROUP", "ORDER", "RETURNING", "VALUES", "SELECT", "UNION", "LIMIT", "HAVING"):
                expecting = False
                if key in ("UNION", "ORDER", "GROUP"):
                    break
                continue
            if expecting and key == "(" and at in self.partners:
                self._enter_derived(scope, at)
                expecting = False
                continue
            if key in (
                "LATERAL",
                "ON",
                "AS",
                "ONLY",
                "OR",
                "REPLACE",
                "IGNORE",
                "LEFT",
                "RIGHT",
                "FULL",
                "INNER",
                "OUTER",
                "CROSS",
                "NATURAL",
            ):
                continue
            if key == ",":
                expecting = bool(scope.tables) and not self._in_list(start, at)
                continue
            if expecting and self.is_name(at):
                self._enter(scope, at)
                expecting = False
        return scope

    def _in_list(self, start: int, at: int) -> bool:
        """Does this comma stand in SET or a select list, not in FROM?"""
        for back in range(at - 1, start - 1, -1):
            if self.key(back) in ("FROM", "JOIN", "USING"):
                return False
            if self.key(back) in ("SET", "SELECT", "RETURNING", "VALUES"):
                return True
        return True

    def _enter_derived(self, scope: Scope, opening: int) -> None:
        """``(SELECT …) AS alias [(columns)]``."""
        close = self.partners[opening]
        alias = close + 1 + (self.key(close + 1) == "AS")
        if self.key(opening + 1) not in ("SELECT", "WITH", "VALUES") or not self.is_name(alias):
            return
        names = self._names_in(alias + 1) if self.key(alias + 1) == "(" and alias + 1 in self.partners else []
        scope.derived[self.plain(alias).lower()] = (self.items_between(opening + 1, close), names)

    def _enter_call(self, scope: Scope, at: int) -> None:
        """``generate_series(1, 3) AS alias [(column)]``."""
        close = self.partners[at + 1]
        alias = close + 1 + (self.key(close + 1) == "AS")
        name = self.plain(at).lower()
        kind = self._called(name, at + 2, close, Scope(), 0)
        if kind is None:
            return
        if not self.is_name(alias) or (self.kind(alias) == WORD and self.key(alias) in _NEVER_ALIAS):
            scope.called[name] = (name, kind)
            return
        shown = self.plain(alias).lower()
        names = self._names_in(alias + 1) if self.key(alias + 1) == "(" and alias + 1 in self.partners else []
        scope.called[shown] = (names[0] if names else shown, kind)

    def _enter(self, scope: Scope, at: int) -> None:
        if self.key(at - 1) == ".":
            return
        while self.key(at + 1) == "." and self.is_name(at + 2):
            at += 2
        if self.key(at + 1) == "(" and self.key(at - 1) not in ("INTO",) and at + 1 in self.partners:
            if self.key(at - 1) in ("FROM", "JOIN", ",", "LATERAL", "."):
                self._enter_call(scope, at)
            return
        table = self.plain(at)
        if self.key(at - 1) == "." and self.plain(at - 2) == "information_schema":
            table = f"information_schema.{table}"  # as the catalog's database calls it
        alias = at + 1
        if self.key(alias) == "AS":
            alias += 1
        named = self.is_name(alias) and (self.kind(alias) != WORD or self.key(alias) not in _NEVER_ALIAS)
        if table.lower() in self._common:
            scope.derived[self.plain(alias if named else at).lower()] = self._common[table.lower()]
        elif named:
            scope.tables[self.plain(alias).lower()] = table
        else:
            scope.tables[self.plain(at).lower()] = table

    # Parameters

    def parameters(self) -> Iterable[tuple[int, str]]:
        """What stands beside each parameter, and the type that follows from it."""
        marks = [at for at in range(len(self.tokens)) if self.kind(at) == PARAMETER]
        if not marks:
            return
        yield from self._inserted()
        scope = self._everything()
        for at in marks:
            found = self._beside(at, scope)
            if found:
                yield int(self.key(at)[1:6]), found

    def _everything(self) -> Scope:
        """All tables named anywhere: a parameter's neighbour is looked up among them."""
        scope = Scope()
        for at in range(len(self.tokens)):
            if self.key(at) in ("FROM", "JOIN", "INTO", "UPDATE", "ONLY") and self.is_name(at + 1):
                self._enter(scope, at + 1)
            elif self.key(at) == "," and self.is_name(at + 1) and self.schema.columns(self.plain(at + 1)) is not None:
                self._enter(scope, at + 1)
        return scope

    def _inserted(self) -> Iterable[tuple[int, str]]:
        """INSERT INTO t(columns) VALUES ($1, …) or SELECT $1, …"""
        for at in range(len(self.tokens)):
            if self.key(at) != "INTO" or not self.is_name(at + 1):
                continue
            at += 1
            while self.key(at + 1) == "." and self.is_name(at + 2):
                at += 2
            table = self.plain(at)
            at += 1
            if self.key(at) == "AS":
                at += 2
            names: Sequence[str] | None
            if self.key(at) == "(" and at in self.partners and self.key(at + 1) not in ("SELECT", "WITH", "VALUES"):
                names = [
                    self.plain(first) for first, last in self.parts(at + 1, self.partners[at]) if self.is_name(first)
                ]
                at = self.partners[at] + 1
            else:
                names = self.schema.columns(table)
            if names:
                yield from self._rows(table, names, at)
            return

    def _rows(self, table: str, names: Sequence[str], at: int) -> Iterable[tuple[int, str]]:
        rows: list[list[tuple[int, int]]] = []
        if self.key(at) == "VALUES":
            at += 1
            while self.key(at) == "(" and at in self.partners:
                rows.append(self.parts(at + 1, self.partners[at]))
                at = self.partners[at] + 1
                at += self.key(at) == ","
        elif self.key(at) == "SELECT":
            rows.append([(item.first, item.last) for item in self.items_between(at, len(self.tokens))])
        for row in rows:
            for (first, last), name in zip(row, names, strict=False):
                if last - first == 1 and self.kind(first) == PARAMETER:
                    words = self.schema.column_type(table, name)
                    found = declared(words) if words else None
                    if found:
                        yield int(self.key(first)[1:6]), found

    def _beside(self, at: int, scope: Scope) -> str | None:
        before, after = self.key(at - 1), self.key(at + 1)
        if before in ("LIMIT", "OFFSET"):
            return "int8"
        if before == "AND" and self.key(at - 3) == "BETWEEN":
            return self._operand_before(at - 3, scope)
        if before == "BETWEEN":
            return self._operand_before(at - 1, scope)
        if before in ("=", "<>", "!=", "<", ">", "<=", ">=", "==", "+", "-", "*", "/", "%", "||"):
            found = self._operand_before(at - 1, scope)
            return self._opposite(before, found)
        if before in ("LIKE", "ILIKE", "GLOB", "~", "~*", "!~", "!~*", "REGEXP", "TO", "ESCAPE"):
            return "text"
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
        if operator in ("+", "-") and other in _TIMES:
            return None  # an interval, a number of days, another time: too many to choose from
        return other

    def _in_brackets(self, at: int, scope: Scope) -> str | None:
        """``x IN ($1, $2)``, ``x = ANY($1)``, ``f($1)``."""
        opening = next(
            (back for back in range(at - 1, -1, -1) if self.partners.get(back, -1) > at and self.key(back) == "("), None
        )
        if opening is None:
            return None
        word = self.key(opening - 1)
        alone = (opening + 1, self.partners[opening]) == (at, at + 1)
        if word == "IN":
            operand = opening - 1 - (self.key(opening - 2) == "NOT")
            return self._operand_before(operand, scope)
        if word in ("ANY", "ALL", "SOME") and alone:
            found = self._operand_before(opening - 2, scope)
            return None if found is None or found.startswith("_") else "_" + found
        parts = self.parts(opening + 1, self.partners[opening])
        if (at, at + 1) not in parts:
            return None
        name = word.lower()
        if name in ("coalesce", "nullif", "greatest", "least", "ifnull"):
            for first, last in parts:
                found = self._type(first, last, scope, 0)
                if found:
                    return found
            return None
        return _ARGUMENT.get(name) if parts[0] == (at, at + 1) else None

    def _operand_before(self, at: int, scope: Scope) -> str | None:
        """The type of the simple operand that ends before token `at`."""
        last = at
        first = at - 1
        if self.key(first) == "NOT":
            last = first
            first -= 1
        if self.key(first) == ")" and first in self.partners:
            first = self.partners[first]
            if self.is_name(first - 1) and self.key(first - 1) not in _OPERATOR_WORDS:
                first -= 1
        while self.key(first - 1) == "." and self.is_name(first - 2):
            first -= 2
        if self.key(first - 1) == "::":
            type_name, after = read_type(self.text, self.tokens, first)
            return type_name.name if type_name and after == last else None
        if self.kind(first) in TEXTS or self.kind(first) == PARAMETER:
            return "text" if self.kind(first) in TEXTS else None
        return self._type(first, last, scope, 0)

    def _operand_after(self, first: int, scope: Scope) -> str | None:
        last = first + 1
        while self.key(last) == "." and self.is_name(last + 1):
            last += 2
        if self.key(last) == "(" and last in self.partners:
            last = self.partners[last] + 1
        if self.key(last) == "::":
            type_name, _ = read_type(self.text, self.tokens, last + 1)
            return type_name.name if type_name else None
        return self._type(first, last, scope, 0)


_NEVER_ALIAS = _CLAUSES | frozenset(
    "AND ASC BETWEEN COLLATE CROSS DESC ELSE END FULL ILIKE IN INNER IS ISNULL JOIN LEFT LIKE NATURAL NOT NOTNULL NULL NULLS OR OUTER "
    "RIGHT THEN WHEN TRUE FALSE ESCAPE AS DEFAULT SELECT TABLESAMPLE LATERAL".split()
)
_OPERATOR_WORDS = frozenset(
    "AND AS BETWEEN BY CASE COLLATE DISTINCT ELSE ESCAPE EXISTS FROM GLOB ILIKE IN IS ISNULL LIKE MATCH NOT NOTNULL OR REGEXP SELECT "
    "SIMILAR THEN TO WHEN WHERE ON ALL ANY SOME".split()
)
_BARE = frozenset(
    "current_date current_time current_timestamp localtime localtimestamp current_user session_user current_role current_catalog "
    "current_schema user".split()
)
#: How strongly operators bind, least first.
_RANKS = {
    "OR": 1, "AND": 2, "NOT": 5, "IS": 6, "ISNULL": 6, "NOTNULL": 6, "=": 7, "==": 7, "<>": 7, "!=": 7, "<": 7, ">": 7, "<=": 7,
    ">=": 7, "BETWEEN": 8, "IN": 8, "LIKE": 8, "ILIKE": 8, "SIMILAR": 8, "GLOB": 8, "REGEXP": 8, "MATCH": 8, "EXISTS": 18,
    "||": 9, "->": 9, "->>": 9, "#>": 9, "#>>": 9, "#-": 9, "@>": 9, "<@": 9, "&&": 9, "~": 9, "!~": 9, "~*": 9, "!~*": 9, "~~": 9,
    "~~*": 9, "!~~": 9, "!~~*": 9, "&": 9, "|": 9, "#": 9, "<<": 9, ">>": 9, "?": 9, "@": 9, "|/": 9, "+": 10, "-": 10, "*": 11,
    "/": 11, "%": 11, "^": 12, "COLLATE": 15,
}  # fmt: skip


def _partners(tokens: Sequence[Token]) -> dict[int, int]:
    """Each bracket's other one, both ways, and each CASE's END."""
    found: dict[int, int] = {}
    open_: list[int] = []
    closes = {")": "(", "]": "[", "END": "CASE"}
    for index, token in enumerate(tokens):
        key = token.key
        if key in ("(", "[", "CASE"):
            open_.append(index)
        elif key in closes and open_ and tokens[open_[-1]].key == closes[key]:
            found[index] = open_.pop()
            found[found[index]] = index
    return found


def _common(left: str | None, right: str | None) -> str | None:
    """The type that two branches have together."""
    if left is None or right is None or left == right:
        return left or right
    if left in _NUMBERS and right in _NUMBERS:
        return max(left, right, key=_NUMBERS.index)
    if "text" in (left, right):
        return left if right == "text" else right
    return left


def _arithmetic(operator: str, left: str | None, right: str | None) -> str | None:
    if left in _NUMBERS and right in _NUMBERS:
        return max(left, right, key=_NUMBERS.index)
    if left in _TIMES or right in _TIMES:
        if operator == "-" and left in _TIMES and right in _TIMES:
            return "int4" if left == right == "date" else "interval"
        time, other = (left, right) if left in _TIMES else (right, left)
        if other == "interval":
            return "timestamp" if time == "date" else time
        return time
    if "interval" in (left, right):
        return "interval"
    known = left if left in _NUMBERS else right if right in _NUMBERS else None
    # The other side is a parameter or a column without a type: a number of some kind.
    return known if known in ("float8", "numeric") else None
