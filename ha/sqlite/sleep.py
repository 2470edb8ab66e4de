"""pg_sleep: waiting that can be stopped."""

from __future__ import annotations

import time
from typing import Any, Final

from ha.errors import StatementError

#: Between two looks at whether the client still wants to wait.
SLICE_S: Final = 0.02
#: No wait is longer, whatever the statement's time-out.
SLEEP_MAX_S: Final = 3600.0


def pg_sleep(connection: Any, seconds: float | None) -> str | None:
    """Wait, and answer nothing, as PostgreSQL's does.

    :raises StatementError: 57014, the statement must stop: cancelled, timed out, or in the lane where nothing may wait.
    """
    if seconds is None:
        return None
    try:
        until = time.monotonic() + min(float(seconds), SLEEP_MAX_S)
    except (TypeError, ValueError):
        raise StatementError("22P02", f'invalid input syntax for type double precision: "{seconds}"') from None
    gauge = getattr(connection, "gauge", None)
    if gauge is not None and until > time.monotonic() and gauge.hurried:
        raise StatementError("57014", "canceling statement due to statement timeout")
    while (left := until - time.monotonic()) > 0:
        if gauge is not None and gauge():
            raise StatementError("57014", "canceling statement due to statement timeout")
        time.sleep(min(left, SLICE_S))
    return ""
