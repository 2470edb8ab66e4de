"""How a server wants to be asked over HTTP: JSON with holes for the statements. [pure]

A template is a JSON object, in a file for ``--peer``::

    {
      "url": "http://127.0.0.1:4001",          where it listens
      "write": "/db/execute?transaction",      the path for what changes something
      "read": "/db/query",                     the path for what does not
      "one": ["{sql}"],                        the body for one statement
      "many": ["{sql}"],                       the body for several: the string with the hole is repeated
      "error": "\\"error\\""                    what stands only in answers that tell of an error
    }
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_HOLE = "{sql}"


@dataclass(frozen=True, slots=True)
class Template:
    """One server's way. The fields are those of the object above."""

    host: str
    port: int
    write: str
    read: str
    one: Any
    many: Any
    error: str

    def request(self, sql: str, batch: int = 1) -> bytes:
        """All bytes of a request that does `sql`, `batch` times in one transaction."""
        reads = sql.lstrip()[:6].upper() == "SELECT"
        body = json.dumps(_filled(self.one, sql) if batch == 1 else _repeated(self.many, sql, batch)).encode()
        return b"POST %b HTTP/1.1\r\nHost: %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
            (self.read if reads else self.write).encode(),
            self.host.encode(),
            len(body),
            body,
        )


#: How our own nodes want it.
OURS = {"one": {"sql": _HOLE}, "many": [{"sql": _HOLE}], "read": "/", "write": "/", "error": '"error":'}


def template(given: dict[str, Any]) -> Template:
    """Read one.

    :raises ValueError: a field is missing, or has no hole.
    """
    missing = {"url", "write", "read", "one", "many", "error"} - set(given)
    if missing:
        raise ValueError(f"a template needs {', '.join(sorted(missing))}, too")
    if _HOLE not in json.dumps(given["one"]) or _HOLE not in json.dumps(given["many"]):
        raise ValueError(f'a template needs "{_HOLE}" where the statement goes')
    url = urlsplit(given["url"])
    return Template(
        url.hostname or "127.0.0.1",
        url.port or 80,
        given["write"],
        given["read"],
        given["one"],
        given["many"],
        given["error"],
    )


def _filled(form: Any, sql: str) -> Any:
    if isinstance(form, dict):
        return {name: _filled(value, sql) for name, value in form.items()}
    if isinstance(form, list):
        return [_filled(value, sql) for value in form]
    return sql if form == _HOLE else form


def _repeated(form: Any, sql: str, times: int) -> Any:
    """The innermost list that has the hole in it holds its element as often as there are statements."""
    if isinstance(form, dict):
        return {name: _repeated(value, sql, times) for name, value in form.items()}
    if isinstance(form, list) and len(form) == 1 and _HOLE in json.dumps(form):
        inner = form[0]
        if isinstance(inner, list):
            return [_repeated(inner, sql, times)]
        return [_filled(inner, sql)] * times
    return form
