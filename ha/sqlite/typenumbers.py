"""Names and numbers of types, as SQL's functions tell one from the other: ``format_type``, ``'int4'::regtype``.

What PostgreSQL has is :mod:`ha.sqlite.catalog_types`; what clients made, the connection's schema is asked for.
"""

from __future__ import annotations

import json
import re
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ha.errors import StatementError
from ha.sql import made
from ha.sql.tokens import tokenize
from ha.sql.typenames import read_type
from ha.sqlite import typeviews
from ha.sqlite.arrays import elements
from ha.sqlite.catalog_objects import spoken_name
from ha.sqlite.catalog_types import spoken_type, types_by_name

if TYPE_CHECKING:
    from ha.sqlite.connection import Connection


class TypeNames:
    """The functions, each a method of its name.

    :param connection: whose schema is asked; not held, because it holds the functions.
    """

    def __init__(self, connection: Connection) -> None:
        self._found = weakref.ref(connection)

    def _made(self) -> Mapping[str, str]:
        connection = self._found()
        assert connection is not None
        return typeviews.words(connection)

    def _spoken(self, oid: int, modifier: Any = None) -> str:
        if made.is_number(oid):
            for name in self._made():
                if made.number_of(name) == oid - made.is_array(oid):
                    return spoken_name(name) + "[]" * made.is_array(oid)
        return spoken_type(oid, modifier)

    def _oid(self, value: Any) -> int | None:
        text = str(value)
        if made.is_made(text):
            return made.number(text)
        try:
            type_name, _ = read_type(text, tokenize(text), 0)
        except StatementError:
            return None
        if type_name is None:
            return None
        row = types_by_name().get(type_name.name)
        words = None if row is not None else made.named(self._made(), type_name.name)
        return made.number(words) if words is not None else row["oid"] if row is not None else None

    def format_type(self, oid: Any, modifier: Any = None) -> str | None:
        """A type's name as SQL says it."""
        return None if oid is None else self._spoken(int(oid), modifier)

    def vector(self, oids: Any) -> str | None:
        """``oidvectortypes()``: the types of an oidvector, which is kept as JSON or as numbers with blanks between."""
        if oids is None:
            return None
        return ", ".join(self._spoken(int(one), None) for one in re.findall(r"\d+", str(oids)))

    def pg_regtype(self, value: Any) -> int | None:
        """``'int4'::regtype``: the number.

        :raises StatementError: 42704, there is no such type.
        """
        if value is None:
            return None
        known = oid_in(value)
        if known is not None:
            return known
        oid = self._oid(value)
        if oid is None:
            raise StatementError("42704", f'type "{value}" does not exist')
        return oid

    def pg_regtype_name(self, value: Any) -> str | None:
        """A type's name, by its number or its name."""
        if value is None:
            return None
        oid = self.pg_regtype(value) or 0
        spoken = self._spoken(oid)
        return str(oid) if oid and spoken == "???" else spoken

    def pg_regtypes(self, value: Any) -> str | None:
        """``proargtypes::regtype[]``: the names, from an array or a vector of numbers."""
        if value is None:
            return None
        text = str(value)
        found = elements(text) if text.startswith(("{", "[")) else text.split()
        return json.dumps([self.pg_regtype_name(one) for one in found])

    def to_regtype(self, value: Any) -> str | None:
        """The name, or NULL where there is no such type."""
        oid = self.to_regtype_oid(value)
        return None if oid is None else self._spoken(oid)

    def to_regtype_oid(self, value: Any) -> int | None:
        """The number, or NULL where there is no such type."""
        return None if value is None else self._oid(value)


def oid_in(value: Any) -> int | None:
    """An OID that is given as a number, in digits or not; None for a name."""
    if isinstance(value, (int, float)):
        return int(value)
    text = str(value).strip()
    return int(text) if text.isdecimal() else 0 if text == "-" else None
