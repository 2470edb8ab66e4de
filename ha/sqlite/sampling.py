"""Which rows TABLESAMPLE chooses: :mod:`ha.sql.samples` asks for each."""

from __future__ import annotations

import random
from hashlib import blake2b
from typing import Any

from ha.errors import StatementError


def sampled(percent: Any, *seed_and_key: Any) -> bool:
    """Is a row one of so many in a hundred? Given a seed and the row's key, always or never.

    :raises StatementError: 2202H, 2202G.
    """
    if percent is None:
        raise StatementError("2202H", "TABLESAMPLE parameter cannot be null")
    share = float(percent)
    if not 0 <= share <= 100:
        raise StatementError("2202H", "sample percentage must be between 0 and 100")
    if not seed_and_key:
        return random.random() * 100 < share
    if seed_and_key[0] is None:
        raise StatementError("2202G", "TABLESAMPLE REPEATABLE parameter cannot be null")
    seed, *key = seed_and_key
    digest = blake2b(repr((float(seed), key)).encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big") * 100 < share * (1 << 48)
