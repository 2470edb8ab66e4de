"""Rules for operators that SQLite lacks, spells otherwise or understands otherwise. [pure]"""

from __future__ import annotations

from collections.abc import Callable

from ha.errors import StatementError
from ha.sql.groupedby import AGGREGATES
from ha.sql.rewriting import CLOSER, Rewriting, elements
from ha.sql.sums import SUMS
from ha.sql.tokens import OPERATOR, PARAMETER, QUOTED, TEXTS, WORD, literal, quoted, unquoted


def infix(words: str) -> Callable[[Rewriting, int], None]:
    """An operator that SQLite spells with words, or means otherwise as a prefix."""

    def rule(rewriting: Rewriting, index: int) -> None:
        if rewriting.is_operand(index - 1):
            rewriting.instead[index] = words

    return rule


def regular(words: str) -> Callable[[Rewriting, int], None]:
    """``~``, which tells upper from lower case unless its operand's type does not."""
    told, untold = infix(words), infix(f"{words} '(?i)' ||")

    def rule(rewriting: Rewriting, index: int) -> None:
        (untold if rewriting.is_operand(index - 1) and _folds(rewriting, index) else told)(rewriting, index)

    return rule


def like(words: str, *, folding: bool = False) -> Callable[[Rewriting, int], None]:
    """LIKE and its kin: in PostgreSQL a backslash escapes, unless ESCAPE says otherwise; in SQLite nothing does.

    PostgreSQL's LIKE tells upper from lower case. SQLite's does not, but its GLOB does, which finds its way through an index
    besides. What is stored in the schema, and SQLite's own door, keep SQLite's.

    :param folding: ILIKE, which tells no case: SQLite's LIKE.
    """

    def rule(rewriting: Rewriting, index: int) -> None:
        if not rewriting.is_operand(index - 1) and rewriting.key(index - 1) != "NOT":
            return
        if not folding and not rewriting.is_sqlites and not _folds(rewriting, index):
            _glob(rewriting, index, words.replace("LIKE", "GLOB"))
            return
        if rewriting.key(index) != words:
            rewriting.instead[index] = words
        pattern = index + 1
        if rewriting.kind(pattern) in TEXTS:
            escaped = "\\" in (literal(rewriting.text, rewriting.tokens[pattern]) or "")
        else:
            escaped = rewriting.kind(pattern) == PARAMETER
        if escaped and rewriting.key(pattern + 1) not in ("ESCAPE", "||", "::", "["):
            rewriting.last(pattern, " ESCAPE '\\'")

    return rule


def _folds(rewriting: Rewriting, index: int) -> bool:
    """Does what stands before an operator tell no case? Only the schema knows."""
    if not rewriting.ask() or rewriting.types is None:
        return False
    end = index - 1 - (rewriting.key(index - 1) == "NOT")
    return rewriting.types.of(rewriting.chain_before(end + 1, CLOSER), end) == "citext"


def _glob(rewriting: Rewriting, index: int, words: str) -> None:
    """``x LIKE pattern [ESCAPE c]`` as ``x GLOB pattern``; a pattern that is a literal is translated here."""
    rewriting.instead[index] = words
    pattern = index + 1
    if rewriting.key(pattern) in ("ANY", "ALL", "SOME"):
        return  # its rule goes on
    last = rewriting.chain_after(pattern, _CONCATENATION)
    escape = "\\"
    more = ""
    if rewriting.key(last + 1) == "ESCAPE":
        end = rewriting.operand_after(last + 2)
        given = literal(rewriting.text, rewriting.tokens[end]) if end == last + 2 else None
        if given is not None:
            escape, more = given, f", {quoted(given)}"
            rewriting.drop(last + 1, end)
        else:
            rewriting.instead[last + 1] = ","
            rewriting.last(end, ")")
            rewriting.first(pattern, "pg_glob(")
            return
    if last == pattern and rewriting.kind(pattern) in TEXTS and len(escape) <= 1:
        value = literal(rewriting.text, rewriting.tokens[pattern]) or ""
        rewriting.instead[pattern] = quoted(globbed(value, escape))
        return
    rewriting.first(pattern, "pg_glob(")
    rewriting.last(last, f"{more})")


def joined(rewriting: Rewriting, index: int) -> None:
    """``a + 1 || 'x'``: PostgreSQL computes before it joins, SQLite after."""
    if rewriting.sqlite_order or index in rewriting.instead or not rewriting.is_operand(index - 1):
        return
    first, last = rewriting.arithmetic_before(index), rewriting.arithmetic_after(index + 1)
    # What stands between two of them is in brackets since the first.
    if rewriting.key(first - 1) != "||" and not _is_alone(rewriting, first, index - 1):
        rewriting.first(first, "(")
        rewriting.behind(index - 1, ")")
    if last != rewriting.operand_after(index + 1):
        rewriting.first(index + 1, "(")
        rewriting.behind(last, ")")


def _is_alone(rewriting: Rewriting, first: int, last: int) -> bool:
    """One operand, perhaps with signs."""
    while rewriting.key(first) in ("-", "+"):
        first += 1
    return first == rewriting.operand_before(last + 1)


_CONCATENATION = frozenset(("||",))
_GLOB = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}


def globbed(pattern: str, escape: str) -> str:
    """A LIKE pattern as GLOB's.

    :param escape: the character that makes the next one plain; none if it is empty.
    :raises StatementError: 22025, nothing follows it; 22019, it is several.
    """
    if len(escape) > 1:
        raise StatementError("22019", "invalid escape string", hint="Escape string must be empty or one character.")
    if escape not in pattern or not escape:
        return "".join([_GLOB.get(letter, letter) for letter in pattern])
    parts: list[str] = []
    letters = iter(pattern)
    for letter in letters:
        if letter != escape:
            parts.append(_GLOB.get(letter, letter))
            continue
        plain = next(letters, None)
        if plain is None:
            raise StatementError("22025", "LIKE pattern must not end with escape character")
        parts.append(f"[{plain}]" if plain in "*?[" else plain)
    return "".join(parts)


_ANY_COMPARISONS = frozenset("= <> != < > <= >= LIKE ILIKE ~ ~* ~~ ~~* !~ !~* !~~ !~~*".split())


def any_of(rewriting: Rewriting, index: int) -> None:
    """``x = ANY (…)``, ``x <> ALL (…)``: of an array or a subquery."""
    place, opening = index - 1, index + 1
    operator = rewriting.key(place)
    if operator == ")" and rewriting.key(rewriting.partners.get(place, 0) - 1) == "OPERATOR":
        operator, place = rewriting.key(place - 1), rewriting.partners[place] - 1
    if operator not in _ANY_COMPARISONS or rewriting.key(opening) != "(" or opening not in rewriting.partners:
        return
    close = rewriting.partners[opening]
    every = rewriting.key(index) == "ALL"
    inner = rewriting.key(opening + 1)
    word = None
    if operator == "=" and not every:
        word = "IN"
    elif operator in ("<>", "!=") and every:
        word = "NOT IN"
    if word is not None:
        rewriting.instead[place] = (
            f" {word}" if rewriting.tokens[place - 1].end == rewriting.tokens[place].start else word
        )
        rewriting.instead[index] = ""
        if inner in ("SELECT", "WITH", "VALUES"):
            return
        if _is_array(rewriting, opening + 1, close):
            at = opening + 1
            while rewriting.key(at) == "(":
                rewriting.instead[at] = rewriting.instead[rewriting.partners[at]] = ""
                at += 1
            end = rewriting.partners[at + 1]
            rewriting.drop(at, at + 1)
            rewriting.drop(end, close - 1)
            return
        rewriting.instead[opening] = "(SELECT pg_element FROM pg_elements("
        rewriting.last(close, ")")
        return
    first = rewriting.chain_before(place - (rewriting.key(place - 1) == "NOT"), SUMS | JSON_CHAIN)
    if any(rewriting.key(at) in AGGREGATES or rewriting.key(at) == "OVER" for at in range(first, place)):
        raise rewriting.refuse(
            index, f"an aggregate {operator} {rewriting.key(index)}", "Aggregate in a subquery, and compare outside."
        )
    # Whether one met it, or all did; else it is not known, if NULL was among them.
    met = "min(ha_met) = 0 THEN 0" if every else "max(ha_met) THEN 1"
    unknown = f"WHEN count(ha_met) < count(*) THEN NULL ELSE {int(every)} END"
    rewriting.before(first, f"(SELECT CASE WHEN {met} {unknown} FROM (SELECT ")
    globs = (rewriting.instead.get(place) or "").endswith("GLOB")
    element = "pg_glob(pg_element)" if globs else "pg_element"
    source, closing = ("pg_elements", "))") if inner not in ("SELECT", "WITH", "VALUES") else _QUERIED
    rewriting.instead[index] = f"{element} AS ha_met FROM {source}"
    rewriting.last(close, closing)


#: What makes rows with the column of an array's elements of a subquery.
_QUERIED = ("(WITH pg_rows(pg_element) AS ", " SELECT pg_element FROM pg_rows)))")


def _is_array(rewriting: Rewriting, first: int, close: int) -> bool:
    """Do the tokens up to `close` hold ARRAY[…] of single values, with or without parentheses and a cast?"""
    at = first
    while rewriting.key(at) == "(" and rewriting.key(at + 1) in ("(", "ARRAY"):
        at += 1
    if rewriting.key(at) != "ARRAY" or rewriting.key(at + 1) != "[" or at + 1 not in rewriting.partners:
        return False
    end = rewriting.partners[at + 1]
    rest = {rewriting.key(index) for index in range(end + 1, close)}
    return rewriting.key(at + 2) not in ("[", "]") and (
        end + 1 == close or rest <= {")", "::", "[", "]", "TEXT", "INT"} | _TEXT_WORDS
    )


_TEXT_WORDS = frozenset("VARCHAR CHARACTER VARYING INTEGER BIGINT INT4 INT8 NAME OID".split())


JSON_CHAIN = frozenset(("->", "->>", "#>", "#>>", "||"))


def array(rewriting: Rewriting, index: int) -> None:
    """``ARRAY[…]`` and ``ARRAY(SELECT …)`` as JSON."""
    opening = index + 1
    if (
        rewriting.key(opening) not in ("[", "(")
        or opening not in rewriting.partners
        or rewriting.key(index - 1) == "::"
    ):
        return
    close = rewriting.partners[opening]
    if rewriting.key(opening) == "[":
        rewriting.instead[index] = "json_array"
        rewriting.instead[opening], rewriting.instead[close] = "(", ")"
        _of_arrays(rewriting, opening)
    elif rewriting.key(opening + 1) in ("SELECT", "WITH", "VALUES"):
        rewriting.instead[index] = ""
        rewriting.instead[opening] = "(WITH pg_rows(pg_element) AS ("
        rewriting.instead[close] = ") SELECT json_group_array(pg_element) FROM pg_rows)"
        if rewriting.key(index - 1) == "||" and rewriting.kind(index - 2) in (WORD, QUOTED):
            # A column of arrays and a subquery's rows.
            rewriting.before(rewriting.operand_before(index - 1), "array_cat(")
            rewriting.instead[index - 1] = ","
            rewriting.last(close, ")")


def _of_arrays(rewriting: Rewriting, opening: int) -> None:
    """What is cast to an array within ARRAY[…] is an array there, not a text."""
    known = rewriting.types if rewriting.ask() else None
    for first, last in elements(rewriting, opening):
        if rewriting.key(last) == "]" and rewriting.key(last - 1) == "[":
            rewriting.first(first, "json(")
            rewriting.last(last, ")")
        elif known is not None and known.of(first, last) == "bytea":
            # Bytes may happen to be SQLite's own form of JSON.
            rewriting.after(first - 1, "pg_bytea_item(")
            rewriting.before(last + 1, ")")


#: Columns of the catalog whose elements are counted from 0.
_VECTORS = frozenset("INDKEY INDCLASS INDCOLLATION INDOPTION I_INDOPTION PROARGTYPES CONKEY_VECTOR".split())


def bracket(rewriting: Rewriting, index: int) -> None:
    """``a[1]``, ``a[1:2]``, and an inner ``[…]`` of ARRAY."""
    if rewriting.kind(index) != "operator" or index not in rewriting.partners or index in rewriting.instead:
        return
    close = rewriting.partners[index]
    if rewriting.key(index - 1) in ("[", ","):
        rewriting.instead[index], rewriting.instead[close] = "json_array(", ")"
        return
    if close == index + 1 or rewriting.verb.startswith(("CREATE", "ALTER")):
        return
    first = rewriting.operand_before(index)
    if rewriting.key(index - 1) == "]" and index - 1 in rewriting.partners:
        first = rewriting.operand_before(rewriting.partners[index - 1])
    colon = rewriting.clause_end(index + 1, frozenset(":"))
    if colon < close:
        if "[" in (rewriting.key(close + 1), rewriting.key(rewriting.partners.get(index - 1, -1))):
            raise rewriting.refuse(index, "a slice of several dimensions", "Unnest the array.")
        rewriting.before(first, "pg_slice(")
        lower = "NULL" if colon == index + 1 else ""
        upper = "NULL" if colon == close - 1 else ""
        rewriting.instead[index], rewriting.instead[colon], rewriting.instead[close] = f",{lower}", f",{upper}", ")"
        return
    if rewriting.key(index - 1) == "TYPNAME":  # a name is an array of characters, counted from 0
        rewriting.before(first, "substr(")
        rewriting.instead[index], rewriting.instead[close] = ", 1 + ", ", 1)"
        return
    # Several indexes are one item's: an array that stands within another is none.
    goes_on = rewriting.partners.get(index - 1, -1) if rewriting.key(index - 1) == "]" else -1
    if goes_on < 0 or rewriting.instead.get(goes_on) != "," or rewriting.instead.get(index - 1) != "":
        rewriting.before(first, "pg_vector_item(" if rewriting.key(index - 1) in _VECTORS else "pg_item(")
    following = rewriting.partners.get(close + 1, -1) if rewriting.key(close + 1) == "[" else -1
    is_last = following <= close + 2 or rewriting.clause_end(close + 2, frozenset(":")) < following
    rewriting.instead[index], rewriting.instead[close] = ",", ")" if is_last else ""


def power(rewriting: Rewriting, index: int) -> None:
    if rewriting.is_operand(index - 1):
        function = "pow" if rewriting.is_sqlites else "pg_power"
        rewriting.call(rewriting.operand_before(index), index, rewriting.operand_after(index + 1), function)


def root(rewriting: Rewriting, index: int) -> None:
    rewriting.instead[index] = "sqrt(" if rewriting.key(index) == "|/" else "cbrt("
    rewriting.last(rewriting.operand_after(index + 1), ")")


def json_call(function: str, more: str = "") -> Callable[[Rewriting, int], None]:
    """An operator of jsonb or arrays."""

    def rule(rewriting: Rewriting, index: int) -> None:
        if rewriting.is_operand(index - 1):
            first = rewriting.chain_before(index, JSON_CHAIN)
            rewriting.call(first, index, rewriting.operand_after(index + 1), function, more)

    return rule


def document_text(rewriting: Rewriting, index: int) -> None:
    """``document ->> key``: SQLite gives a number for a number, and 1 for ``true``."""
    if not rewriting.is_sqlites:
        json_call("pg_json_text")(rewriting, index)


def question(rewriting: Rewriting, index: int) -> None:
    """jsonb's ``?``, ``?|``, ``?&`` between two operands; else SQLite's parameter."""
    if (
        rewriting.key(index) != "?"
        or not rewriting.is_operand(index - 1)
        or rewriting.key(index - 1) in ("LIMIT", "OFFSET")
    ):
        return
    adjacent = (
        rewriting.key(index + 1) in ("|", "&") and rewriting.tokens[index].end == rewriting.tokens[index + 1].start
    )
    operand = index + 1 + adjacent
    if not (
        rewriting.kind(operand) in TEXTS or rewriting.kind(operand) == PARAMETER or rewriting.key(operand) == "ARRAY"
    ):
        return
    function = {"|": "pg_has_any", "&": "pg_has_all"}[rewriting.key(index + 1)] if adjacent else "pg_has_key"
    rewriting.call(rewriting.chain_before(index, JSON_CHAIN), index, rewriting.operand_after(operand), function)
    if adjacent:
        rewriting.instead[index + 1] = ""


def absolute(rewriting: Rewriting, index: int) -> None:
    """``@ -5``."""
    if not rewriting.is_operand(index - 1):
        rewriting.instead[index] = "abs("
        rewriting.last(rewriting.operand_after(index + 1), ")")


def exclusive(rewriting: Rewriting, index: int) -> None:
    """``5 # 3``: the bits that differ."""
    if rewriting.is_operand(index - 1):
        rewriting.call(rewriting.operand_before(index), index, rewriting.operand_after(index + 1), "pg_xor")


def prefix(rewriting: Rewriting, index: int) -> None:
    """``text ^@ prefix``."""
    rewriting.call(rewriting.operand_before(index), index, rewriting.operand_after(index + 1), "starts_with")


def symmetric(rewriting: Rewriting, index: int) -> None:
    """``x BETWEEN SYMMETRIC a AND b``: whichever of the two is the smaller."""
    if rewriting.key(index + 1) != "SYMMETRIC":
        return
    first, last = index + 2, rewriting.chain_after(index + 2, SUMS | JSON_CHAIN)
    if rewriting.key(last + 1) != "AND":
        raise rewriting.error(last + 1)
    other, end = last + 2, rewriting.chain_after(last + 2, SUMS | JSON_CHAIN)
    low, high = rewriting.translated(first, last), rewriting.translated(other, end)
    rewriting.drop(index + 1, end)
    rewriting.instead[index + 1] = f"min({low}, {high}) AND max({low}, {high})"
    rewriting.skip = end


def overlaps(rewriting: Rewriting, index: int) -> None:
    """``(a, b) OVERLAPS (c, d)``: periods."""
    opening = rewriting.partners.get(index - 1, -1)
    if rewriting.key(index + 1) == "(" and not rewriting.is_operand(index - 1):
        rewriting.instead[index] = "pg_periods_overlap"  # overlaps(a, b, c, d)
        _tell_spans(rewriting, index + 1, (1, 3))
    elif rewriting.key(index + 1) == "(" and index + 1 in rewriting.partners and opening >= 0:
        _tell_spans(rewriting, opening, (1,))
        _tell_spans(rewriting, index + 1, (1,))
        rewriting.before(opening, "pg_periods_overlap")
        rewriting.instead[index - 1] = rewriting.instead[index + 1] = ""
        rewriting.instead[index] = ","


def _tell_spans(rewriting: Rewriting, opening: int, places: tuple[int, ...]) -> None:
    """An interval's text may be that of a time of day; with ``@`` before it there is no mistake."""
    if not rewriting.ask() or rewriting.types is None or opening not in rewriting.partners:
        return
    listed = elements(rewriting, opening)
    for place in places:
        if place < len(listed) and rewriting.types.of(*listed[place]) == "interval":
            first, last = listed[place]
            rewriting.first(first, "'@ ' || (")
            rewriting.last(last, ")")


def similar(rewriting: Rewriting, index: int) -> None:
    if rewriting.key(index + 1) == "TO":
        rewriting.instead[index], rewriting.instead[index + 1] = "REGEXP", "pg_similar("
        rewriting.last(rewriting.operand_after(index + 2), ")")


def at_zone(rewriting: Rewriting, index: int) -> None:
    if rewriting.key(index + 1) == "TIME" and rewriting.key(index + 2) == "ZONE":
        first, last = rewriting.operand_before(index), rewriting.operand_after(index + 3)
        rewriting.call(first, index, last, "pg_at_zone")
        rewriting.drop(index + 1, index + 2)


def unknown(rewriting: Rewriting, index: int) -> None:
    if rewriting.key(index - 1) in ("IS", "NOT") and rewriting.key(index + 1) != ".":
        rewriting.instead[index] = "NULL"


#: What a row without ROW stands behind, when it is asked whether it is NULL.
_BEFORE_ROW = frozenset("SELECT DISTINCT WHERE AND OR NOT WHEN THEN ELSE ( , ON HAVING RETURNING BY".split())


def of_row(rewriting: Rewriting, index: int) -> None:
    """``(a, b) IS NULL``, which asks each of them; ``IS NOT NULL``, too."""
    close, last = index - 1, index + 1 + (rewriting.key(index + 1) == "NOT")
    opening = rewriting.partners.get(close, -1)
    if rewriting.key(last) != "NULL" or rewriting.key(close) != ")" or opening < 0 or rewriting.is_sqlites:
        return
    listed, before = elements(rewriting, opening), opening - 1
    if rewriting.key(before) != "ROW" and (len(listed) < 2 or rewriting.key(before) not in _BEFORE_ROW):
        return
    for first, end in listed:
        rewriting.first(first, "(")
        rewriting.last(end, ") IS NULL" if last == index + 1 else ") IS NOT NULL")
        if end + 1 < close:
            rewriting.instead[end + 1] = " AND"
    rewriting.drop(index, last)


def collate(rewriting: Rewriting, index: int) -> None:
    """PostgreSQL's collations all compare bytes here, as its own "C" does."""
    at = index + 1
    if rewriting.key(at + 1) == ".":
        at += 2
        rewriting.drop(index + 1, at)
        rewriting.instead[at] = "BINARY"
    elif rewriting.kind(at) == QUOTED and rewriting.text[rewriting.tokens[at].start] == '"':
        name = unquoted(rewriting.text, rewriting.tokens[at])
        if name.upper() not in ("NOCASE", "RTRIM", "BINARY"):
            rewriting.drop(index + 1, at - 1)
            rewriting.instead[at] = "BINARY"


def spelled(rewriting: Rewriting) -> None:
    """``a OPERATOR(pg_catalog.=) b``: what no rule has written otherwise is the operator alone."""
    for index, token in enumerate(rewriting.tokens):
        if token.kind == OPERATOR and token.end - token.start > len(token.key):
            rewriting.instead.setdefault(index, token.key)
