"""Rules for casts and literals: ``x::type``, ``CAST``, ``DATE '…'``, ``E'…'``, ``$n``. [pure]"""

from __future__ import annotations

from ha.errors import StatementError
from ha.sql import declarations, domains, enums, literals, rangerules, timeliterals
from ha.sql.exact import EXACT_DIGITS
from ha.sql.made import Domain, domain, is_made
from ha.sql.rewriting import Rewriting
from ha.sql.tokens import PARAMETER, QUOTED, STRING, TEXTS, WORD, literal, quoted, quoted_name, unquoted
from ha.sql.typenames import KNOWN, OTHERS, TypeName, declared_type, interval_arguments, read_literal, read_type


def parameter(rewriting: Rewriting, index: int) -> None:
    number = rewriting.parameter(index)
    rewriting.parameters = max(rewriting.parameters, number)
    rewriting.instead[index] = f"?{number}"


def text_literal(rewriting: Rewriting, index: int) -> None:
    value = literal(rewriting.text, rewriting.tokens[index])
    assert value is not None
    if "\0" in value:
        raise StatementError(
            "22021", "invalid byte sequence for encoding: 0x00", position=rewriting.tokens[index].start + 1
        )
    rewriting.instead.setdefault(index, quoted(value))


def bits(rewriting: Rewriting, index: int) -> None:
    rewriting.instead[index] = rewriting.tokens[index].key[1:]


def number(rewriting: Rewriting, index: int) -> None:
    """A number of more digits than SQLite computes with: kept as a text where nothing is computed, else refused.

    :raises StatementError: 22003.
    """
    key = rewriting.key(index)
    if len(key) <= EXACT_DIGITS or rewriting.is_sqlites or key[:2] in ("0x", "0X"):
        return
    whole, _, fraction = key.replace("_", "").partition(".")
    digits = whole + fraction
    if (
        not digits.isdecimal()
        or len(digits.strip("0")) <= EXACT_DIGITS
        or (not fraction and literals.holds(whole, "int8"))
    ):
        return
    if not rewriting.ask() and rewriting.asks:
        return  # with the schema, then
    before, after = rewriting.key(index - 1), rewriting.key(index + 1)
    if (before in _SIGNS and rewriting.is_operand(index - 2)) or after in _SIGNS or after == "/":
        raise StatementError(
            "22003",
            f"number {key[:60]} has more digits than can be computed with",
            hint="Numbers with a fraction are exact to fifteen digits.",
            position=rewriting.tokens[index].start + 1,
        )
    if after == "::" or (before == "(" and after == "AS") or (before in ("SELECT", ",") and after in _ITEM_ENDS):
        if rewriting.verb != "INSERT" or after == "::":
            rewriting.instead[index] = quoted(key.replace("_", ""))


_SIGNS = frozenset(("+", "-", "*", "/", "%", "^"))
_ITEM_ENDS = frozenset((",", "FROM", "AS", ";", ""))


def unicode_name(rewriting: Rewriting, index: int) -> None:
    rewriting.instead[index] = quoted_name(unquoted(rewriting.text, rewriting.tokens[index]))


#: What :: may name.
CASTABLE = KNOWN | OTHERS


def cast(rewriting: Rewriting, index: int) -> None:
    """``x::type``."""
    type_name, after = read_type(rewriting.text, rewriting.tokens, index + 1)
    if type_name is None:
        raise rewriting.error(index + 1)
    first = rewriting.operand_before(index)
    if first == index - 1 and rewriting.kind(first) == PARAMETER:
        rewriting.casts.setdefault(rewriting.parameter(first), type_name.name)
    _wrap(rewriting, first, index - 1, _known(rewriting, type_name, index + 1), after, index)
    rewriting.drop(index, after - 1)


def _known(rewriting: Rewriting, type_name: TypeName, at: int) -> TypeName:
    """The type itself, or, where a client made it, the words that tell it. What is stored has no types.

    :raises StatementError: 42704, there is none of that name.
    """
    name = type_name.name
    if name.removeprefix("_") in CASTABLE or rewriting.is_stored:
        return type_name
    if not rewriting.ask() and rewriting.asks:
        return type_name  # with the schema, then
    words = rewriting.types.made(name) if rewriting.types is not None else None
    if words is None:
        shown = name.removeprefix("_")
        raise StatementError("42704", f'type "{shown}" does not exist', position=rewriting.tokens[at].start + 1)
    return type_name._replace(name=words)


def cast_call(rewriting: Rewriting, index: int) -> None:
    """``CAST(x AS type)``: in the schema, and at SQLite's own door, left to SQLite where its own type names are used."""
    if rewriting.key(index + 1) != "(" or index + 1 not in rewriting.partners:
        return
    close = rewriting.partners[index + 1]
    depth, as_ = 0, -1
    for at in range(index + 2, close):
        key = rewriting.key(at)
        depth += (key == "(") - (key == ")")
        if key == "AS" and depth == 0:
            as_ = at
    if as_ < 0:
        return
    type_name, after = read_type(rewriting.text, rewriting.tokens, as_ + 1)
    if type_name is None or after != close:
        return
    if as_ == index + 3 and rewriting.kind(index + 2) == PARAMETER:
        rewriting.casts.setdefault(rewriting.parameter(index + 2), type_name.name)
    if type_name.written in _SQLITE_CASTS and not type_name.name.startswith("_") and rewriting.key(as_ + 2) != ".":
        if rewriting.is_sqlites or type_name.written in ("BLOB", "TEXT"):
            return
    known = _known(rewriting, type_name, as_ + 1)
    if as_ > index + 3:
        # Its brackets stay: operators inside put their words around the same tokens, and within.
        rewriting.drop(index, index)
        _wrap(rewriting, index + 1, close, known, close + 1, index)
        rewriting.drop(as_, close - 1)
        return
    rewriting.drop(index, index + 1)
    _wrap(rewriting, index + 2, index + 2, known, close + 1, index)
    rewriting.drop(as_, close)


_SQLITE_CASTS = frozenset(
    "INTEGER INT REAL TEXT BLOB NUMERIC BIGINT VARCHAR CHAR FLOAT DOUBLE DECIMAL SMALLINT".split()
)


_REGISTERED = (
    frozenset(
        "bool date timestamp timestamptz time timetz uuid json jsonb interval bytea int2 int4 int8 float4 float8 numeric "
        "bpchar varchar oid regclass regtype regproc regprocedure regnamespace regrole char inet cidr tid".split()
    )
    | rangerules.NAMES
)


#: What arrays are made of element by element.
_CAST_EACH = rangerules.NAMES | frozenset((*literals.TIMES, "bool", "uuid", "inet", "cidr", "bytea", "json", "jsonb"))


def _wrap(rewriting: Rewriting, first: int, last: int, type_name: TypeName, after: int, at: int = -1) -> None:
    """Put the cast to a type around the tokens from `first` to `last`; what follows the cast begins at `after`.

    :param at: the token that says so, by which :mod:`ha.sql.exact` knows it.
    """
    name = type_name.name
    if rewriting.exact is not None and at in rewriting.exact.casts and name in _EXACT:
        opening, closing = _EXACT[name]
        rewriting.before(first, opening)
        rewriting.after(last, "".join(f", {modifier}" for modifier in type_name.modifiers) + closing)
        return
    one = domain(name)
    if one is not None:
        _wrap(rewriting, first, last, _type_behind(one), after)
        domains.cast(rewriting, one, first, last)
        return
    if rewriting.is_stored and first == last and rewriting.kind(first) == STRING and name in timeliterals.KNOWN:
        _keep(rewriting, first, type_name)
        return
    if rewriting.verb.startswith("CREATE"):
        own = declarations.SQLITE_CASTS.get(name)
        rewriting.before(first, "CAST(" if own else "(")
        rewriting.after(last, f" AS {own})" if own else ")")
        return
    if is_made(name):
        enums.cast(rewriting, first, last, name)
    elif name in ("text", "name", "citext"):
        if first == last and rewriting.key(first) in ("TRUE", "FALSE"):
            rewriting.instead[first] = f"'{rewriting.key(first).lower()}'"
            return
        # For SQLite a column that is cast is still a column, and compared as it is.
        kind = rewriting.types.of(first, last) if rewriting.types is not None else None
        told = name == "text" and kind == "citext"
        if kind == "tid":
            rewriting.before(first, "pg_tid_text(")
            rewriting.after(last, ")")
            return
        rewriting.before(first, "(CAST(" if told else "CAST(")
        rewriting.after(last, " AS TEXT) COLLATE BINARY)" if told else " AS TEXT)")
    elif name == "oid" and rewriting.key(last) in _FUNCTION_COLUMNS:
        rewriting.before(first, "pg_regproc_oid(")
        rewriting.after(last, ")")
    elif name == "_regtype":
        rewriting.before(first, "pg_regtypes(")
        rewriting.after(last, ")")
    elif name in ("int2vector", "oidvector"):
        rewriting.before(first, "(")
        rewriting.after(last, ")")
    elif name.startswith("_"):
        rewriting.before(first, f"pg_{name}(" if name[1:] in _CAST_EACH else "pg_array(")
        rewriting.after(last, ")")
    elif name in ("regclass", "regtype", "regproc", "regprocedure", "regnamespace", "regrole"):
        rewriting.before(first, f"pg_{name}{'' if _is_number(rewriting, first, last, after) else '_name'}(")
        rewriting.after(last, ")")
    elif name == "bpchar" and type_name.written == "BPCHAR" and not type_name.modifiers:
        rewriting.before(first, "CAST(")
        rewriting.after(last, " AS TEXT)")
    elif name in _REGISTERED:
        modifiers = (
            interval_arguments(type_name)
            if name == "interval"
            else "".join(f", {modifier}" for modifier in type_name.modifiers)
        )
        rewriting.before(first, f"pg_{name}(")
        rewriting.after(last, f"{modifiers})")
    else:
        rewriting.before(first, "(")
        rewriting.after(last, ")")


#: Casts to numeric that keep all digits, casts of such numerics to integers, and casts to floats that may be NaN.
_EXACT = {
    "numeric": ("dec_cast(", ")"),
    **{name: (f"pg_{name}(dec_integer(", "))") for name in ("int2", "int4", "int8")},
    **dict.fromkeys(("float4", "float8"), ("pg_float_or_nan(", ")")),
}


def _keep(rewriting: Rewriting, at: int, type_name: TypeName) -> None:
    """A literal that stays in the schema."""
    rewriting.instead[at] = quoted(timeliterals.kept(literal(rewriting.text, rewriting.tokens[at]) or "", type_name))


def _type_behind(one: Domain) -> TypeName:
    found = declared_type(one.words_of_type)
    if found is not None and found.name.removeprefix("_") in CASTABLE:
        return found
    return TypeName("text")


#: Columns of the catalog that name a function: there they hold its name.
_FUNCTION_COLUMNS = frozenset(
    """
    AGGCOMBINEFN AGGDESERIALFN AGGFINALFN AGGFNOID AGGMFINALFN AGGMINVTRANSFN AGGMTRANSFN AGGSERIALFN AGGTRANSFN AMHANDLER AMPROC
    CONPROC OPRCODE OPRJOIN OPRREST PROSUPPORT PRSEND PRSHEADLINE PRSLEXTYPE PRSSTART PRSTOKEN RNGCANONICAL RNGSUBDIFF TMPLINIT
    TMPLLEXIZE TRFFROMSQL TRFTOSQL TYPANALYZE TYPINPUT TYPMODIN TYPMODOUT TYPOUTPUT TYPRECEIVE TYPSEND TYPSUBSCRIPT
    """.split()
)


def typeof(rewriting: Rewriting, index: int) -> None:
    """``pg_typeof(x)``: SQLite knows no static types, so each call gets its number, by which the context answers."""
    if rewriting.key(index + 1) != "(" or index + 1 not in rewriting.partners:
        return
    close = rewriting.partners[index + 1]
    rewriting.last(close - 1, f", {rewriting.typeofs}")
    rewriting.typeofs += 1
    if _is_number(rewriting, index, close, close + 1):
        rewriting.before(index, "pg_regtype(")
        rewriting.after(close, ")")


_COMPARED = frozenset(("=", "<>", "!=", "<", ">", "<=", ">=", "IN"))


def _is_number(rewriting: Rewriting, first: int, last: int, after: int) -> bool:
    """Is the OID meant that a cast to a reg type gives, not the name that is shown for it?

    It is where a name is cast, and where the result is compared or goes on as a number.
    """
    if rewriting.key(after) in ("::", "AS") and rewriting.kind(after + 1) in (WORD, QUOTED):
        again, end = read_type(rewriting.text, rewriting.tokens, after + 1)
        if again is not None and (rewriting.key(after) == "::" or rewriting.key(end) == ")"):
            return again.name not in ("text", "name", "varchar")
    before = first - 1
    while rewriting.key(before) == "(" and rewriting.key(before - 1) == "CAST":
        before -= 2
    if rewriting.key(after) in _COMPARED or rewriting.key(before) in _COMPARED:
        return True
    if rewriting.key(before) in ("SELECT", ",") and rewriting.select_of(first) == 0 and rewriting.kind(first) in TEXTS:
        return False  # an item of the result
    return first == last and rewriting.kind(first) not in (WORD, QUOTED)


def to_reg(rewriting: Rewriting, index: int) -> None:
    """``to_regclass(name)`` where its number is meant, not the name that is shown for it."""
    close = rewriting.partners.get(index + 1)
    if close is not None and rewriting.key(index + 1) == "(" and _is_number(rewriting, index, close, close + 1):
        rewriting.instead[index] = f"{rewriting.key(index).lower()}_oid"


_BEFORE_EXPRESSION = frozenset(
    "SELECT , ( = <> != < > <= >= + - * / % ^ || AND OR NOT WHEN THEN ELSE CASE BETWEEN IN BY ON WHERE [".split()
)


def named_literal(rewriting: Rewriting, index: int) -> None:
    """``int '1'``, ``text 'x'``, where an expression begins. SQLite could read a column and an alias."""
    if rewriting.kind(index + 1) not in TEXTS or rewriting.key(index - 1) not in _BEFORE_EXPRESSION:
        return
    type_name, after = read_type(rewriting.text, rewriting.tokens, index)
    if type_name is None or after != index + 1:
        return
    rewriting.instead[index] = ""
    _wrap(rewriting, index + 1, index + 1, type_name, index + 2, index)


def typed_literal(rewriting: Rewriting, index: int) -> None:
    """``DATE '2026-01-01'``. SQLite could read a column called date and an alias, so the literal must look the part."""
    if rewriting.key(index - 1) in (".", "::", "AS"):
        return
    found = read_literal(rewriting.text, rewriting.tokens, index)
    if found is None or rewriting.kind(found[1]) != STRING:
        return
    type_name, at, after = found
    if rewriting.is_stored:
        rewriting.drop(index, at - 1)
        if after > at + 1:
            rewriting.drop(at + 1, after - 1)
        _keep(rewriting, at, type_name)
        return
    if (at > index + 1 or after > at + 1) and not rewriting.sqlite_order:
        rewriting.drop(index, at - 1)
        _wrap(rewriting, at, at, type_name, after)
        if after > at + 1:
            rewriting.drop(at + 1, after - 1)
        return
    if at > index + 1:
        return
    value = literal(rewriting.text, rewriting.tokens[at]) or ""
    if (
        type_name.name == "interval"
        or value[:1].isdigit()
        or not rewriting.is_sqlites
        or value.lower() in ("now", "today", "tomorrow", "yesterday", "epoch", "infinity")
    ):
        rewriting.instead[index] = f"pg_{type_name.name}("
        rewriting.after(at, ")")
