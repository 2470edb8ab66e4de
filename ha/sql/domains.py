"""Rules for domains: a type with conditions. [pure]

A column of a domain is declared so, behind the words of its type, and gets the domain's conditions as constraints of the table, so
that SQLite itself keeps them, whoever writes::

    CREATE DOMAIN age AS int CHECK (VALUE > 0)
    CREATE TABLE t (a age)        CREATE TABLE t (a int4 "age" CONSTRAINT "domain age age_check" CHECK ("a" > 0))

A cast looks at its value where it stands.
"""

from __future__ import annotations

from collections.abc import Sequence

from ha.errors import StatementError
from ha.sql.made import Domain, domain
from ha.sql.rewriting import Rewriting, elements
from ha.sql.tokens import NAMES, WORD, Token, quoted, quoted_name, tokenize, unquoted
from ha.sql.typed import Types
from ha.sql.typenames import read_type

#: What the name of a table's constraint begins with that is a domain's.
PREFIX = "domain "
#: What a cast's value is called while it is looked at.
_VALUE = "ha_value"
_TABLE_WORDS = frozenset("CONSTRAINT PRIMARY UNIQUE CHECK FOREIGN EXCLUDE LIKE".split())


def constraint_name(one: Domain, check: str) -> str:
    """What a table calls a domain's condition."""
    return f"{PREFIX}{one.name} {check}"


def of_value(condition: str, value: str) -> str:
    """A condition on VALUE as one on something else."""
    parts: list[str] = []
    at = 0
    tokens: Sequence[Token] = tokenize(condition)
    for index, token in enumerate(tokens):
        if token.kind == WORD and token.key == "VALUE" and not (index and tokens[index - 1].key == "."):
            parts += (condition[at : token.start], value)
            at = token.end
    return "".join(parts) + condition[at:]


def cast(rewriting: Rewriting, one: Domain, first: int, last: int) -> None:
    """Around what was cast to the domain's type: its conditions."""
    cases = [f"WHEN {_VALUE} IS NULL THEN pg_domain_null({quoted(one.name)})"] if one.not_null else []
    cases += [
        f"WHEN NOT ({of_value(condition, _VALUE)}) THEN pg_domain_violated({quoted(one.name)}, {quoted(name)})"
        for name, condition in one.checks
    ]
    if cases:
        rewriting.before(first, f"(SELECT CASE {' '.join(cases)} ELSE {_VALUE} END FROM (SELECT ")
        rewriting.after(last, f" AS {_VALUE}))")


def in_table(rewriting: Rewriting, types: Types) -> str | None:
    """The text of a CREATE TABLE with the conditions of its columns' domains; None where none is of one.

    :raises StatementError: 0A000, an array of a domain.
    """
    opening = next((at for at in range(len(rewriting.tokens)) if rewriting.key(at) == "("), -1)
    text, added = rewriting.text, []
    for first, last in elements(rewriting, opening) if opening in rewriting.partners else ():
        if rewriting.key(first) in _TABLE_WORDS or rewriting.kind(first) not in NAMES:
            continue
        found, after = read_type(text, rewriting.tokens, first + 1)
        one = domain((types.made(found.name) or "").removeprefix("_")) if found is not None else None
        if found is None or one is None:
            continue
        if (types.made(found.name) or "").startswith("_"):
            raise rewriting.refuse(first + 1, "an array of a domain", "Use an array of its type.")
        has_default = any(rewriting.key(at) == "DEFAULT" for at in range(after, last + 1))
        words = _declared(one, unquoted(text, rewriting.tokens[first]), has_default)
        added.append((rewriting.tokens[first + 1].start, rewriting.tokens[after - 1].end, words))
    if not added:
        return None
    for start, end, said in reversed(added):
        text = text[:start] + said + text[end:]
    return text


def _declared(one: Domain, column: str, has_default: bool) -> str:
    """What declares a column of the domain.

    :param has_default: the column says one of its own.
    """
    words = [one.declaration]
    if one.default is not None and not has_default:
        words.append(f"DEFAULT {one.default}")
    if one.not_null:
        words.append("NOT NULL")
    words += [
        f"CONSTRAINT {quoted_name(constraint_name(one, name))} CHECK ({of_value(condition, quoted_name(column))})"
        for name, condition in one.checks
    ]
    return " ".join(words)


def retold(definition: str, column: str, old: Domain, new: Domain) -> str | None:
    """A column's definition, as a CREATE TABLE of ours has it, when its domain has changed; None where that is not seen."""
    name, _, rest = definition.partition(" ")
    for has_default in (False, True):
        before = _declared(old, column, has_default)
        if rest == before or rest.startswith(before + " "):
            return f"{name} {_declared(new, column, has_default)}{rest[len(before) :]}"
    return None


def refuse_altered(rewriting: Rewriting, types: Types) -> None:
    """
    :raises StatementError: 0A000, an ALTER TABLE gives a column a domain.
    """
    for at in range(2, len(rewriting.tokens)):
        if rewriting.kind(at) in NAMES and rewriting.key(at - 1) not in (".", "TABLE", "COLUMN", "ADD", "RENAME", "TO"):
            found, _ = read_type(rewriting.text, rewriting.tokens, at)
            if found is not None and domain((types.made(found.name) or "").removeprefix("_")) is not None:
                raise altered(found.name)


def altered(name: str) -> StatementError:
    """ALTER TABLE does not make the constraints that a domain's column needs."""
    return StatementError(
        "0A000",
        f"ALTER TABLE with a column of domain {name} is not supported",
        hint="Use the domain's type, and a CHECK constraint.",
    )
