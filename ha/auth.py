"""Who may call over HTTP, and what a browser may do on somebody's behalf. [pure]

Three questions, each answered from the request's head alone, before its body is read: does the caller know the
token; is he calling us by a name that is ours (a page whose name was rebound to this address is not); and does a
browser's page of another origin stand behind the request?
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Mapping, Sequence

#: Header names as HTTP writes them, each with all its values in order.
Headers = Mapping[bytes, Sequence[bytes]]

#: Hosts whose verdict is remembered. A node is called by a handful of names; who invents more gets no more memory.
_VERDICTS_MAX = 256


class Forbidden(Exception):
    """The caller may not. Its text is one sentence for him; `anonymous` says that a token would help."""

    def __init__(self, message: str, *, anonymous: bool = False) -> None:
        super().__init__(message)
        self.anonymous = anonymous


class Entrance:
    """The rules of one node's HTTP door.

    :param token: what callers must send as ``Authorization: Bearer TOKEN``; empty: no token is asked for.
    :param allowed_hosts: names that count as ours, besides the loopback names and every IP address. An address needs no
        list: nobody can rebind a number.
    """

    def __init__(self, *, token: str = "", allowed_hosts: Sequence[str] = ()) -> None:
        self._token = token.encode()
        self._hosts = frozenset(name.lower().rstrip(".") for name in allowed_hosts)
        self._verdicts: dict[bytes, bool] = {}

    def check(self, headers: Headers, *, writes: bool) -> None:
        """Let the caller of a request with these headers in, or say why not.

        :param writes: the request may change something, so a page of another origin must not stand behind it.
        :raises Forbidden: he may not.
        """
        if self._token:
            # A page of another origin cannot send this header unless we granted it (CORS), and we never do: the
            # token answers the other two questions, too.
            self._check_token(headers.get(b"Authorization"))
            return
        host = headers.get(b"Host")
        self._check_host(host)
        if writes:
            _check_origin(headers, host[0] if host else b"")

    def _check_token(self, values: Sequence[bytes] | None) -> None:
        if values is None or len(values) != 1:
            raise Forbidden("a token is needed: send it as Authorization: Bearer TOKEN", anonymous=True)
        scheme, _, token = values[0].partition(b" ")
        if scheme.lower() != b"bearer" or not hmac.compare_digest(token.strip(), self._token):
            raise Forbidden("the token is not the right one", anonymous=True)

    def _check_host(self, values: Sequence[bytes] | None) -> None:
        if values is None:
            return  # HTTP/1.0; a browser always sends it
        host = values[0]
        verdict = self._verdicts.get(host)
        if verdict is None:
            verdict = len(values) == 1 and self._is_ours(host)
            if len(self._verdicts) < _VERDICTS_MAX:
                self._verdicts[host] = verdict
        if not verdict or len(values) != 1:
            shown = host.decode("ascii", "replace")[:100]
            raise Forbidden(
                f"this node does not answer to the name {shown}: call it by address, or see --allowed-hosts"
            )

    def _is_ours(self, host: bytes) -> bool:
        name = _name_of(host)
        if name is None:
            return False
        if name == "localhost" or name.endswith(".localhost") or name in self._hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def _name_of(host: bytes) -> str | None:
    """The name in a Host header, without its port; None when it is not a host at all."""
    try:
        text = host.decode("ascii").lower()
    except UnicodeDecodeError:
        return None
    if text.startswith("["):
        name, bracket, port = text[1:].partition("]")
        if not bracket or (port and not (port[0] == ":" and port[1:].isdigit())):
            return None
        return name if ":" in name else None
    name, colon, port = text.partition(":")
    if colon and not port.isdigit():
        return None
    return name.rstrip(".") or None


def _check_origin(headers: Headers, host: bytes) -> None:
    """Only pages that this node itself served may write.

    Browsers of today send both headers with a POST (https://developer.mozilla.org/docs/Web/HTTP/Headers/Sec-Fetch-Site);
    programs that are no browsers send neither.
    """
    site = headers.get(b"Sec-Fetch-Site")
    if site is not None and any(value not in (b"same-origin", b"none") for value in site):
        raise Forbidden("a page of another origin may not write here")
    for origin in headers.get(b"Origin", ()):
        scheme, separator, name = origin.lower().partition(b"://")
        if not separator or scheme not in (b"http", b"https") or name != host.lower():
            raise Forbidden("a page of another origin may not write here")
