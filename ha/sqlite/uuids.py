"""UUIDs as PostgreSQL's extension uuid-ossp makes them.

https://www.postgresql.org/docs/15/uuid-ossp.html
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from ha.sqlite.casts import pg_uuid, text_of

#: The names of the standard's name spaces.
_SPACES: Final = {
    "uuid_nil": uuid.UUID(int=0),
    "uuid_ns_dns": uuid.NAMESPACE_DNS,
    "uuid_ns_url": uuid.NAMESPACE_URL,
    "uuid_ns_oid": uuid.NAMESPACE_OID,
    "uuid_ns_x500": uuid.NAMESPACE_X500,
}


def _address() -> int:
    """In the place of a network card's: one drawn, with the bit that tells it from those."""
    return int.from_bytes(os.urandom(6)) | 1 << 40


#: This process's. To ask for a card's, Python starts other programs, and it would be told to whoever sees the UUID.
_OWN: Final = _address()


def random_uuid() -> str:
    """Version 4."""
    return str(uuid.uuid4())


def of_time() -> str:
    """Version 1: of the time and of this process."""
    return str(uuid.uuid1(_OWN))


def of_time_alone() -> str:
    """Version 1 with another address each time."""
    return str(uuid.uuid1(_address()))


def _of_name(make: Callable[[uuid.UUID, str], uuid.UUID], space: Any, name: Any) -> str | None:
    if space is None or name is None:
        return None
    return str(make(uuid.UUID(pg_uuid(space)), text_of(name)))


#: Name, number of arguments, what computes it: of arguments alone.
FUNCTIONS: tuple[tuple[str, int, Callable[..., Any]], ...] = (
    ("uuid_generate_v3", 2, partial(_of_name, uuid.uuid3)),
    ("uuid_generate_v5", 2, partial(_of_name, uuid.uuid5)),
    *((name, 0, partial(str, one)) for name, one in _SPACES.items()),
)
#: The same for those that give another each time.
DRAWN: tuple[tuple[str, int, Callable[..., Any]], ...] = (
    ("gen_random_uuid", 0, random_uuid),
    ("uuid_generate_v1", 0, of_time),
    ("uuid_generate_v1mc", 0, of_time_alone),
    ("uuid_generate_v4", 0, random_uuid),
)
