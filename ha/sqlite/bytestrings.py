"""PostgreSQL's functions on bytes: their digests, their spellings in text, single bytes and bits, and other encodings.

https://www.postgresql.org/docs/15/functions-binarystring.html
"""

from __future__ import annotations

import base64
import codecs
import hashlib
import hmac
import os
import re
from collections.abc import Callable
from typing import Any

from ha.errors import StatementError
from ha.sqlite.casts import pg_bytea, text_of
from ha.sqlite.texts import strict


def md5(value: Any) -> str:
    return hashlib.md5(_bytes(value), usedforsecurity=False).hexdigest()


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else text_of(value).encode()


def item(value: Any) -> str:
    """Bytes as an element of an array, which JSON can hold."""
    return "\\x" + of_bytes(value).hex()


def _digest(name: str) -> Callable[[Any], bytes]:
    return lambda value: hashlib.new(name, _bytes(value)).digest()


def encode(value: Any, form: str) -> str:
    raw = of_bytes(value)
    if form == "hex":
        return raw.hex()
    if form == "base64":
        lines = base64.b64encode(raw).decode()
        return "\n".join(lines[at : at + 76] for at in range(0, len(lines), 76))
    if form == "escape":
        return "".join("\\\\" if byte == 92 else chr(byte) if 0 < byte < 128 else f"\\{byte:03o}" for byte in raw)
    raise StatementError("22023", f'unrecognized encoding: "{form}"')


def decode(value: Any, form: str) -> bytes:
    text = text_of(value)
    try:
        if form == "hex":
            return bytes.fromhex(text)
        if form == "base64":
            return base64.b64decode(re.sub(r"\s", "", text), validate=True)
        if form == "escape":
            return pg_bytea(text) or b""
    except ValueError:
        raise StatementError("22023", f"invalid {form} data") from None
    raise StatementError("22023", f'unrecognized encoding: "{form}"')


def of_bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else pg_bytea(value) or b""


def _byte_at(raw: bytes, at: int, size: int) -> int:
    if not 0 <= at < size:
        raise StatementError("2202E", f"index {at} out of valid range, 0..{size - 1}")
    return at


def get_byte(value: Any, at: int) -> int:
    raw = of_bytes(value)
    return raw[_byte_at(raw, int(at), len(raw))]


def set_byte(value: Any, at: int, new: int) -> bytes:
    raw = bytearray(of_bytes(value))
    raw[_byte_at(bytes(raw), int(at), len(raw))] = int(new) & 0xFF
    return bytes(raw)


def get_bit(value: Any, at: int) -> int:
    raw = of_bytes(value)
    _byte_at(raw, int(at), len(raw) * 8)
    return raw[int(at) // 8] >> int(at) % 8 & 1


def set_bit(value: Any, at: int, new: int) -> bytes:
    raw = bytearray(of_bytes(value))
    _byte_at(bytes(raw), int(at), len(raw) * 8)
    if new not in (0, 1):
        raise StatementError("22023", "new bit must be 0 or 1")
    mask = 1 << int(at) % 8
    raw[int(at) // 8] = raw[int(at) // 8] & ~mask | (mask if new else 0)
    return bytes(raw)


def digest(value: Any, name: Any) -> bytes:
    """pgcrypto's: of a text or of bytes."""
    return hashlib.new(_algorithm(name), _bytes(value)).digest()


def keyed(value: Any, key: Any, name: Any) -> bytes:
    """pgcrypto's hmac()."""
    return hmac.new(_bytes(key), _bytes(value), _algorithm(name)).digest()


#: Bytes that pgcrypto gives at once.
RANDOM_BYTES_MAX = 1024


def gen_random_bytes(count: Any) -> bytes | None:
    """pgcrypto's."""
    if count is None:
        return None
    if not 1 <= int(count) <= RANDOM_BYTES_MAX:
        raise StatementError("39000", "Length not in range")
    return os.urandom(int(count))


_ALGORITHMS = frozenset(("md5", "sha1", "sha224", "sha256", "sha384", "sha512"))


def _algorithm(name: Any) -> str:
    if text_of(name).lower() not in _ALGORITHMS:
        raise StatementError("22023", f'Cannot use "{name}": No such hash algorithm')
    return text_of(name).lower()


def bit_count(value: Any) -> int:
    return sum(byte.bit_count() for byte in of_bytes(value))


def _codec(name: Any) -> str:
    try:
        return codecs.lookup(_CODECS.get(text_of(name).upper().replace("_", "").replace("-", ""), text_of(name))).name
    except LookupError:
        raise StatementError("22023", f'invalid encoding name "{name}"') from None


#: PostgreSQL's names of encodings that Python calls otherwise.
_CODECS = {
    "SQLASCII": "ascii", "UNICODE": "utf-8", "WIN1250": "cp1250", "WIN1251": "cp1251", "WIN1252": "cp1252", "WIN": "cp1251",
    **{f"LATIN{number}": f"iso-8859-{number}" for number in range(1, 9)},
    "LATIN9": "iso-8859-15", "LATIN10": "iso-8859-16",
}  # fmt: skip


def convert_from(value: Any, name: Any) -> str:
    try:
        return of_bytes(value).decode(_codec(name))
    except UnicodeDecodeError as error:
        shown = " ".join(f"0x{byte:02x}" for byte in error.object[error.start : error.start + 2])
        raise StatementError("22021", f'invalid byte sequence for encoding "{name}": {shown}') from None


def convert_to(value: Any, name: Any) -> bytes:
    try:
        return text_of(value).encode(_codec(name))
    except UnicodeEncodeError:
        raise StatementError("22P05", f'character with no equivalent in encoding "{name}"') from None


#: Name, number of arguments, what computes it.
FUNCTIONS: tuple[tuple[str, int, Callable[..., Any]], ...] = tuple(
    (name, count, strict(function))
    for name, count, function in (
        ("pg_bytea_item", 1, item),
        ("pg_bytea_concat", 2, lambda left, right: of_bytes(left) + of_bytes(right)),
        ("bit_length", 1, lambda value: len(_bytes(value)) * 8),
        ("md5", 1, md5),
        ("sha224", 1, _digest("sha224")),
        ("sha256", 1, _digest("sha256")),
        ("sha384", 1, _digest("sha384")),
        ("sha512", 1, _digest("sha512")),
        ("digest", 2, digest),
        ("hmac", 3, keyed),
        ("encode", 2, encode),
        ("decode", 2, decode),
        ("get_byte", 2, get_byte),
        ("set_byte", 3, set_byte),
        ("get_bit", 2, get_bit),
        ("set_bit", 3, set_bit),
        ("bit_count", 1, bit_count),
        ("convert_from", 2, convert_from),
        ("convert_to", 2, convert_to),
    )
)
