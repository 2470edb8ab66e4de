"""Network addresses, in the one form in which PostgreSQL shows them. [pure]

https://www.postgresql.org/docs/15/datatype-net-types.html
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface, ip_interface

from ha.errors import StatementError


def inet(text: str) -> str:
    """An address with its network's length, which a host's own address does without.

    :raises StatementError: 22P02.
    """
    found = _read("inet", text)
    length = found.network.prefixlen
    return _shown(found.ip) if length == found.max_prefixlen else f"{_shown(found.ip)}/{length}"


def cidr(text: str) -> str:
    """A network, always with its length.

    :raises StatementError: 22P02.
    """
    found = _read("cidr", text)
    if found.ip != found.network.network_address:
        raise StatementError("22P02", f'invalid cidr value: "{text}"', detail="Value has bits set to right of mask.")
    return f"{_shown(found.ip)}/{found.network.prefixlen}"


def _read(type_name: str, text: str) -> IPv4Interface | IPv6Interface:
    try:
        return ip_interface(text.strip())
    except ValueError:
        raise StatementError("22P02", f'invalid input syntax for type {type_name}: "{text}"') from None


def _shown(address: IPv4Address | IPv6Address) -> str:
    """One of version 4 that is written as one of version 6 keeps its dots."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(address) if mapped is None else f"::ffff:{mapped}"
