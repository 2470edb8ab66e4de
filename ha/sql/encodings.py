"""Encodings of characters by PostgreSQL's names for them, and the codecs that speak them. [pure]

https://www.postgresql.org/docs/15/multibyte.html#MULTIBYTE-CHARSET-SUPPORTED
"""

from __future__ import annotations

from ha.errors import StatementError

#: By PostgreSQL's name Python's codec; None where texts pass as they are, in UTF-8.
CODECS: dict[str, str | None] = {
    "UTF8": None, "SQL_ASCII": None,
    "LATIN1": "iso8859-1", "LATIN2": "iso8859-2", "LATIN3": "iso8859-3", "LATIN4": "iso8859-4", "LATIN5": "iso8859-9",
    "LATIN6": "iso8859-10", "LATIN7": "iso8859-13", "LATIN8": "iso8859-14", "LATIN9": "iso8859-15", "LATIN10": "iso8859-16",
    "ISO_8859_5": "iso8859-5", "ISO_8859_6": "iso8859-6", "ISO_8859_7": "iso8859-7", "ISO_8859_8": "iso8859-8",
    **{f"WIN{number}": f"cp{number}" for number in (866, 874, *range(1250, 1259))},
    "KOI8R": "koi8-r", "KOI8U": "koi8-u", "EUC_JP": "euc_jp", "EUC_JIS_2004": "euc_jis_2004", "SHIFT_JIS_2004": "shift_jis_2004",
    "SJIS": "cp932", "EUC_CN": "gb2312", "EUC_KR": "euc_kr", "UHC": "cp949", "JOHAB": "johab", "BIG5": "cp950", "GBK": "cp936",
    "GB18030": "gb18030",
}  # fmt: skip
#: What PostgreSQL knows besides, and Python does not.
_UNSPOKEN = ("EUC_TW", "MULE_INTERNAL")


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isascii() and letter.isalnum())


_ALIASES = {
    "unicode": "UTF8", "koi8": "KOI8R", "shiftjis": "SJIS", "mskanji": "SJIS", "alt": "WIN866", "win": "WIN1251",
    **dict.fromkeys(("abc", "tcvn", "tcvn5712", "vscii"), "WIN1258"),
    **{f"{word}{number}": name for word in ("win", "windows") for number, name in
       ((932, "SJIS"), (936, "GBK"), (949, "UHC"), (950, "BIG5"))},
    **{f"windows{number}": f"WIN{number}" for number in (866, 874, *range(1250, 1259))},
    **{f"iso8859{part}": f"LATIN{number}" for part, number in
       ((1, 1), (2, 2), (3, 3), (4, 4), (9, 5), (10, 6), (13, 7), (14, 8), (15, 9), (16, 10))},
}  # fmt: skip
_NAMES = {_plain(name): name for name in (*CODECS, *_UNSPOKEN)} | _ALIASES


def encoding_of(name: str) -> str | None:
    """PostgreSQL's own name of an encoding that a client names in one way or another; None where there is none.

    :raises StatementError: 0A000, it is one that is not spoken here.
    """
    found = _NAMES.get(_plain(name))
    if found in _UNSPOKEN:
        raise StatementError("0A000", f"conversion between {found} and UTF8 is not supported")
    return found


def wrong_bytes(encoding: str, raw: bytes, start: int) -> str:
    """What 22021 says of bytes that are no text."""
    wrong = " ".join(f"0x{byte:02x}" for byte in raw[start : start + 4])
    return f'invalid byte sequence for encoding "{encoding}": {wrong}'


def no_equivalent(encoding: str, letter: str) -> StatementError:
    """22P05: the client's encoding lacks this character."""
    sequence = " ".join(f"0x{byte:02x}" for byte in letter.encode("utf-8", "surrogatepass"))
    return StatementError(
        "22P05",
        f'character with byte sequence {sequence} in encoding "UTF8" has no equivalent in encoding "{encoding}"',
    )
