"""Types that clients make, in words that tell all of them. [pure]

A column declared ``mood`` says nothing to whoever does not know the schema. So where the schema is at hand, the type's name is replaced
by words that say what it is, ``enum ["mood", "sad", "ok"]`` or ``composite ["point", ["x", "int4"], ["y", "int4"]]``, an array's behind
``_``; inference, translation and the front door pass them on as they pass ``int4``, and none of them has to ask again. What a ROW(…)
of no type is, such words say, too: ``record [["f1", "int4"]]``.

The numbers (OIDs) are made of the name, so every node shows the same, and tell what they number: a type's is a multiple of four, its
array's is the next. How a composite value is written only its words tell: they go with the number, :class:`Oid`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple
from zlib import crc32

from ha.errors import StatementError
from ha.sql.tokens import quoted, quoted_name

_ENUM: Final = "enum "
_COMPOSITE: Final = "composite "
_RECORD: Final = "record "
_DOMAIN: Final = "domain "
_NUMBERED: Final = "oid "
#: Where the numbers begin and end: as :mod:`ha.sqlite.catalog_objects` has it for all that clients make.
_LEAST: Final = 100_000
_COUNT: Final = (2**31 - 1 - _LEAST) // 4
#: Bytes of a label: PostgreSQL's limit for names.
LABEL_BYTES_MAX: Final = 63
#: Labels of one type: each comparison of its values names them all.
LABELS_MAX: Final = 1_000
#: Fields of one composite type: PostgreSQL's limit for columns.
FIELDS_MAX: Final = 1_600
#: PostgreSQL's number for a record without a type.
RECORD_OID: Final = 2249


class Enumeration(NamedTuple):
    """A type of CREATE TYPE … AS ENUM.

    :param labels: its values, in their order.
    """

    name: str
    labels: tuple[str, ...]

    @property
    def words(self) -> str:
        """What :func:`enumeration` reads."""
        return _ENUM + json.dumps([self.name, *self.labels], ensure_ascii=False)

    @property
    def rank(self) -> tuple[str, str]:
        """SQL to put around a value for its place among the labels."""
        return "CASE ", "".join(f" WHEN {quoted(one)} THEN {at}" for at, one in enumerate(self.labels, 1)) + " END"

    @property
    def ranked(self) -> tuple[str, str]:
        """SQL to put around a place for the label there."""
        return "CASE ", "".join(f" WHEN {at} THEN {quoted(one)}" for at, one in enumerate(self.labels, 1)) + " END"


class Composite(NamedTuple):
    """A type of CREATE TYPE … AS (…), or what a ROW(…) is.

    :param name: empty for a record without a type.
    :param fields: each one's name and the words of its type.
    """

    name: str
    fields: tuple[tuple[str, str], ...]

    @property
    def words(self) -> str:
        """What :func:`composite` reads."""
        fields = [list(one) for one in self.fields]
        if not self.name:
            return _RECORD + json.dumps(fields, ensure_ascii=False)
        return _COMPOSITE + json.dumps([self.name, *fields], ensure_ascii=False)


class Domain(NamedTuple):
    """A type of CREATE DOMAIN.

    :param words_of_type: what is behind it, as a declaration says it.
    :param default: SQLite's words.
    :param checks: the name of each condition, and SQLite's words for it; ``VALUE`` is the value.
    """

    name: str
    words_of_type: str
    not_null: bool = False
    default: str | None = None
    checks: tuple[tuple[str, str], ...] = ()

    @property
    def declaration(self) -> str:
        """What a column of it is declared as: SQLite wants the type's numbers last, and a name in quotes not first."""
        kind, bracket, numbers = self.words_of_type.partition("(")
        return f"{kind} {quoted_name(self.name)}{bracket}{numbers}"

    @property
    def words(self) -> str:
        """What :func:`domain` reads."""
        return _DOMAIN + json.dumps(
            [self.name, self.words_of_type, self.not_null, self.default, *map(list, self.checks)], ensure_ascii=False
        )


class Oid(int):
    """The number of a type, and the words that tell all of it. It equals only what tells the same: types of two databases may share
    a number, and one that is altered keeps it.
    """

    words: str

    def __new__(cls, words: str) -> Oid:
        found = super().__new__(cls, number(words))
        found.words = words
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Oid) and self.words == other.words

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self.words)


def is_made(words: str) -> bool:
    """Are these words ours, an array's too?"""
    return words.startswith(_KINDS, 1 if words[:1] == "_" else 0)


_KINDS: Final = (_ENUM, _COMPOSITE, _RECORD, _DOMAIN)


def is_record(words: str) -> bool:
    """Are they those of a ROW(…) without a type?"""
    return words.startswith(_RECORD)


@lru_cache(maxsize=1024)
def composite(words: str) -> Composite | None:
    """The composite type or record that these words tell; None for any other type, an array's too."""
    if words.startswith(_RECORD):
        return Composite("", tuple((name, kind) for name, kind in json.loads(words[len(_RECORD) :])))
    if not words.startswith(_COMPOSITE):
        return None
    name, *fields = json.loads(words[len(_COMPOSITE) :])
    return Composite(name, tuple((field, kind) for field, kind in fields))


@lru_cache(maxsize=1024)
def domain(words: str) -> Domain | None:
    """The domain that these words tell; None for any other type."""
    if not words.startswith(_DOMAIN):
        return None
    name, kind, not_null, default, *checks = json.loads(words[len(_DOMAIN) :])
    return Domain(name, kind, not_null, default, tuple((called, condition) for called, condition in checks))


def name_in(words: str) -> str:
    """The name in words that tell a type, an array's too."""
    plain = words.removeprefix("_")
    found = enumeration(plain) or composite(plain) or domain(plain)
    assert found is not None, words
    return found.name


@lru_cache(maxsize=1024)
def enumeration(words: str) -> Enumeration | None:
    """The enumeration that these words tell; None for any other type, an array's too."""
    if not words.startswith(_ENUM):
        return None
    name, *labels = json.loads(words[len(_ENUM) :])
    return Enumeration(name, tuple(labels))


@lru_cache(maxsize=4096)
def number(words: str) -> int:
    """The OID of the type that these words tell.

    :param words: such that :func:`is_made`.
    """
    name = name_in(words)
    return number_of(name) + (words[0] == "_") if name else RECORD_OID


@lru_cache(maxsize=4096)
def number_of(name: str) -> int:
    """The OID of a made type of this name; its array's is one more."""
    return _LEAST + 4 * (crc32(f"type:{name}".encode()) % _COUNT)


def is_number(oid: int) -> bool:
    """Could it be the OID of a made type or of its array?"""
    return _LEAST <= oid < _LEAST + 4 * _COUNT and oid % 4 < 2


def is_array(oid: int) -> bool:
    """Is it the OID of an array of a made type?"""
    return is_number(oid) and oid % 4 == 1


def by_number(oid: int) -> str:
    """A name for a type of which only the number is known; :func:`named` finds the type."""
    return f"{_NUMBERED}{oid}"


def is_by_number(name: str | None) -> bool:
    """Is it what :func:`by_number` gives?"""
    return name is not None and name.startswith(_NUMBERED)


def named(types: Mapping[str, str], name: str) -> str | None:
    """The words of a made type by its name, an array's behind ``_``; None if there is none.

    :param types: each made type's words by its name.
    """
    if name in types:
        return types[name]
    if is_by_number(name):
        oid = int(name[len(_NUMBERED) :])
        return next((words for one in types.values() for words in (one, "_" + one) if number(words) == oid), None)
    found = types.get(name[1:]) if name[:1] == "_" else None
    return "_" + found if found is not None else None


def call(words: str) -> tuple[str, str]:
    """SQL to put around a value so that it is one of this type, or of its arrays, or an error."""
    kind = "pg_enum" if words.removeprefix("_").startswith(_ENUM) else "pg_composite"
    return f"{kind}(", f", {quoted(words)})"


def invalid(one: Enumeration, value: str, position: int | None = None) -> StatementError:
    """22P02: this is no label of it."""
    return StatementError("22P02", f'invalid input value for enum {one.name}: "{value}"', position=position)
