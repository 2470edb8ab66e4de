"""Rules for functions that PostgreSQL writes with words instead of commas, without parentheses, or under other names. [pure]"""

from __future__ import annotations

from collections.abc import Callable

from ha.sql.rewriting import Rewriting, elements
from ha.sql.tokens import NUMBER, TEXTS, WORD, literal, quoted


def bare(function: str) -> Callable[[Rewriting, int], None]:
    """PostgreSQL's functions without parentheses."""

    def rule(rewriting: Rewriting, index: int) -> None:
        if rewriting.key(index - 1) in (".", "AS") or rewriting.key(index + 1) in ("(", "."):
            return
        if (
            rewriting.key(index + 1) == "="
            and rewriting.verb == "UPDATE"
            and rewriting.key(index - 1) in ("SET", ",", "(")
        ):
            return
        rewriting.instead[index] = function + "()"

    return rule


def user(rewriting: Rewriting, index: int) -> None:
    """USER alone; where there is a table it may be a column of SQLite's, but not where PostgreSQL's own are asked."""
    tables = any(token.key in ("FROM", "INTO", "UPDATE", "TABLE") for token in rewriting.tokens)
    if not tables or not rewriting.keys.isdisjoint(("PG_CATALOG", "INFORMATION_SCHEMA", "CURRENT_SETTING")):
        bare("current_user")(rewriting, index)


def extract(rewriting: Rewriting, index: int) -> None:
    if rewriting.key(index + 1) == "(" and rewriting.key(index + 3) == "FROM":
        field = rewriting.tokens[index + 2]
        rewriting.instead.setdefault(index, "date_part")
        if field.kind == WORD:
            rewriting.instead[index + 2] = quoted(field.key.lower())
        rewriting.instead[index + 3] = ","


def words_as_commas(function: str, *words: str) -> Callable[[Rewriting, int], None]:
    """``f(a WORD b WORD c)`` as ``function(a, b, c)``."""
    stops = frozenset((*words, ","))

    def rule(rewriting: Rewriting, index: int) -> None:
        opening = index + 1
        if rewriting.key(opening) != "(" or opening not in rewriting.partners:
            return
        close = rewriting.partners[opening]
        at, found = opening + 1, []
        while (at := rewriting.clause_end(at, stops)) < close:
            found.append(at)
            at += 1
        if not found or rewriting.key(found[0]) == ",":
            return
        rewriting.instead[index] = function
        for at in found:
            rewriting.instead[at] = ","
        if rewriting.key(found[0]) == "FOR":  # substring(x FOR n)
            rewriting.instead[found[0]] = ", 1,"
        if function == "substring" and rewriting.kind(found[0] + 1) in TEXTS and len(found) == 1:
            rewriting.instead[index] = "pg_substring"

    return rule


_substring = words_as_commas("substring", "FROM", "FOR")


def trim(rewriting: Rewriting, index: int) -> None:
    """``TRIM(BOTH 'x' FROM y)``."""
    opening = index + 1
    if rewriting.key(opening) != "(" or opening not in rewriting.partners:
        return
    side = rewriting.key(opening + 1)
    from_ = rewriting.clause_end(opening + 1, frozenset(("FROM",)))
    if side in ("BOTH", "LEADING", "TRAILING"):
        rewriting.instead[opening + 1] = ""
    elif from_ >= rewriting.partners[opening]:
        return
    name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(side, "trim")
    if from_ < rewriting.partners[opening] and from_ > opening + 1 + (side in ("BOTH", "LEADING", "TRAILING")):
        rewriting.instead[index] = f"pg_{name}"
        rewriting.instead[from_] = ","
        return
    rewriting.instead[index] = name
    if from_ < rewriting.partners[opening]:
        rewriting.instead[from_] = ""


def renamed(function: str) -> Callable[[Rewriting, int], None]:
    """A function that SQLite has under another name."""

    def rule(rewriting: Rewriting, index: int) -> None:
        if rewriting.key(index + 1) == "(" and rewriting.key(index - 1) != ".":
            rewriting.instead.setdefault(index, function)

    return rule


def ours(function: str) -> Callable[[Rewriting, int], None]:
    """A function that SQLite has, too, but means otherwise; what the schema keeps, and its own door, keep SQLite's."""

    def rule(rewriting: Rewriting, index: int) -> None:
        if rewriting.key(index + 1) == "(" and not rewriting.is_sqlites:
            rewriting.instead[index] = function

    return rule


def substring(rewriting: Rewriting, index: int) -> None:
    """``substring(x FROM a FOR b)``; where the places may be below 1, or the length below 0, SQLite counts otherwise."""
    _substring(rewriting, index)
    opening = index + 1
    if rewriting.key(opening) != "(" or rewriting.instead.get(index) == "pg_substring":
        return
    close = rewriting.partners.get(opening, -1)
    stops = frozenset((",", "FROM", "FOR"))
    at = rewriting.clause_end(opening + 1, stops)
    plain = True
    while at < close:
        end = rewriting.clause_end(at + 1, stops)
        number = rewriting.key(at + 1)
        plain = plain and end == at + 2 and number.isdecimal() and number != "0"
        at = end
    if not plain:
        ours("pg_substr")(rewriting, index)


def format_call(rewriting: Rewriting, index: int) -> None:
    """In the schema, and at SQLite's own door, format() is SQLite's printf, unless its text asks for what only PostgreSQL's does."""
    ours("pg_format")(rewriting, index)
    if rewriting.key(index + 1) == "(" and rewriting.kind(index + 2) in TEXTS:
        value = literal(rewriting.text, rewriting.tokens[index + 2]) or ""
        if "%I" in value or "%L" in value or "$s" in value:
            rewriting.instead[index] = "pg_format"


def jsonb_set(rewriting: Rewriting, index: int) -> None:
    """A path ``{a,b}`` is PostgreSQL's; ``$.a.b`` is SQLite's."""
    if rewriting.key(index + 1) == "(" and index + 1 in rewriting.partners:
        comma = rewriting.clause_end(index + 2, frozenset((",",)))
        value = literal(rewriting.text, rewriting.tokens[comma + 1]) if comma + 1 < len(rewriting.tokens) else None
        if value is not None and value.startswith("{"):
            rewriting.instead[index] = "pg_jsonb_set"


def ordered_set(rewriting: Rewriting, index: int) -> None:
    """``percentile_cont(0.5) WITHIN GROUP (ORDER BY x)``, ``mode() WITHIN GROUP (ORDER BY x)``."""
    close = rewriting.partners.get(index + 1, -1)
    opening = close + 3
    if rewriting.key(close + 1) != "WITHIN" or rewriting.key(close + 2) != "GROUP" or opening not in rewriting.partners:
        return
    end = rewriting.partners[opening]
    if rewriting.key(opening + 1) != "ORDER" or rewriting.clause_end(opening + 3, frozenset((",",))) < end:
        raise rewriting.error(opening)
    last = end - 1
    if rewriting.key(last - 1) == "NULLS":
        last -= 2
    backward = rewriting.key(last) == "DESC"
    last -= rewriting.key(last) in ("ASC", "DESC")
    share = f", {rewriting.translated(index + 2, close - 1)}" if close > index + 2 else ""
    name = f"pg_{rewriting.key(index).lower()}{'_desc' if backward else ''}"
    # What is ordered stays where it is, with whatever other rules say about it.
    rewriting.drop(index, opening + 2)
    rewriting.instead[index] = f"{name}("
    rewriting.drop(last + 1, end - 1)
    rewriting.before(end, share)


def distinct_strings(rewriting: Rewriting, index: int) -> None:
    """``string_agg(DISTINCT x, ',' ORDER BY x)``: SQLite's aggregates of two arguments know no DISTINCT."""
    if rewriting.key(index + 1) != "(" or rewriting.key(index + 2) != "DISTINCT" or index + 1 not in rewriting.partners:
        return
    close = rewriting.partners[index + 1]
    comma = rewriting.clause_end(index + 3, frozenset((",",)))
    order = min(rewriting.clause_end(comma + 1, frozenset(("ORDER",))), close)
    if rewriting.key(comma) != ",":
        return
    delimiter = rewriting.text[rewriting.tokens[comma + 1].start : rewriting.tokens[order - 1].end]
    if order - comma != 2 or rewriting.kind(comma + 1) not in TEXTS:
        raise rewriting.refuse(
            comma + 1, "string_agg(DISTINCT …) with a delimiter that is computed", "Write a literal."
        )
    end = close
    while rewriting.key(end + 1) == "FILTER":
        end = rewriting.partners.get(end + 2, end + 1)
    rewriting.before(index, "array_to_string(")
    rewriting.instead[index] = "array_agg"
    rewriting.drop(comma, order - 1)
    rewriting.last(end, f", {delimiter})")


_INTERVAL_PARTS = "YEARS MONTHS WEEKS DAYS HOURS MINS SECS".split()


def named_arguments(rewriting: Rewriting, index: int) -> None:
    """``make_interval(days => 10)``: each to its place."""
    if rewriting.key(index + 1) != "(" or index + 1 not in rewriting.partners:
        return
    for first, last in elements(rewriting, index + 1):
        name, arrow = rewriting.key(first), rewriting.key(first + 1)
        if name not in _INTERVAL_PARTS or last < first + 2:
            return
        value = first + 2 + (arrow in ("=", ":") and rewriting.key(first + 2) in (">", "="))
        if arrow not in ("=>", ":=") and value == first + 2:
            return
        rewriting.drop(first, value - 1)
        rewriting.after(value - 1, f"{_INTERVAL_PARTS.index(name)}, ")
        rewriting.instead[index] = "pg_make_interval"


def precision(rewriting: Rewriting, index: int) -> None:
    """``CURRENT_TIMESTAMP(3)``, ``LOCALTIME``: with a number, rounded."""
    word = rewriting.key(index)
    if rewriting.key(index - 1) in (".", "AS") or rewriting.key(index + 1) == ".":
        return
    digits = None
    if rewriting.key(index + 1) == "(" and rewriting.kind(index + 2) == NUMBER and rewriting.key(index + 3) == ")":
        digits = rewriting.key(index + 2)
        rewriting.drop(index + 1, index + 3)
    if rewriting.is_sqlites and word.startswith("CURRENT"):
        return
    function, cast = _CLOCKS[word]
    if digits is not None:
        rewriting.instead[index] = f"{cast}({function}, {digits})"
    elif function.endswith("()"):
        bare(function.removesuffix("()"))(rewriting, index)


#: What gives it, and what rounds it.
_CLOCKS = {
    "CURRENT_TIMESTAMP": ("now()", "pg_timestamptz"),
    "CURRENT_DATE": ("pg_current_date()", "pg_date"),
    "CURRENT_TIME": ("pg_current_time()", "pg_timetz"),
    "LOCALTIMESTAMP": ("localtimestamp()", "pg_timestamp"),
    "LOCALTIME": ("localtime()", "pg_time"),
}


def notify(rewriting: Rewriting, index: int) -> None:
    """``pg_notify(channel, payload)``: SQLite calls it a read, but it says something."""
    rewriting.acts = rewriting.acts or rewriting.key(index + 1) == "("


#: Functions of full-text search, which is SQLite's own here.
TEXT_SEARCH = frozenset(
    "TO_TSVECTOR TO_TSQUERY PLAINTO_TSQUERY PHRASETO_TSQUERY WEBSEARCH_TO_TSQUERY TS_RANK TS_RANK_CD TS_HEADLINE SETWEIGHT "
    "NUMNODE QUERYTREE TSVECTOR_TO_ARRAY ARRAY_TO_TSVECTOR TSQUERY_PHRASE TS_DELETE TS_FILTER TS_REWRITE TS_LEXIZE".split()
)


def text_search(rewriting: Rewriting, index: int) -> None:
    """
    :raises StatementError: 0A000, ``to_tsvector(…)`` or ``@@``.
    """
    if rewriting.key(index) == "@@" or rewriting.key(index + 1) == "(":
        raise rewriting.refuse(index, "full-text search", "Use SQLite's: CREATE VIRTUAL TABLE … USING fts5 (…).")


#: Functions of large objects: those that read, and those that write.
_OBJECT_READERS = frozenset("LO_OPEN LO_CLOSE LOREAD LO_LSEEK LO_LSEEK64 LO_TELL LO_TELL64 LO_GET".split())
OBJECT_FUNCTIONS = _OBJECT_READERS | frozenset(
    "LOWRITE LO_TRUNCATE LO_TRUNCATE64 LO_CREAT LO_CREATE LO_UNLINK LO_FROM_BYTEA LO_PUT".split()
)


def large_object(rewriting: Rewriting, index: int) -> None:
    """``lo_open(…)`` and its like: to SQLite a read, but it remembers, or writes."""
    if rewriting.key(index + 1) == "(":
        rewriting.objects = True
        rewriting.acts = rewriting.acts or rewriting.key(index) not in _OBJECT_READERS


def sequence(rewriting: Rewriting, index: int) -> None:
    """``nextval('s'::regclass)``: sequences are known by name here."""
    if rewriting.key(index + 1) != "(":
        return
    rewriting.acts = rewriting.acts or rewriting.key(index) in ("NEXTVAL", "SETVAL")
    if rewriting.key(index + 3) == "::" and rewriting.key(index + 4) == "REGCLASS":
        rewriting.drop(index + 3, index + 4)
