"""SQL text, cut into tokens. [pure]

One pass of one regular expression over the text; what it finds is what both SQLite and PostgreSQL would find, as far as
the two agree, and PostgreSQL's words where SQLite alone would stop (``E'…'``, ``$$…$$``, ``::``). It knows no grammar.

* https://www.postgresql.org/docs/15/sql-syntax-lexical.html
* https://www.sqlite.org/draft/tokenreq.html

Promises: every character outside white space and comments belongs to exactly one token, and the tokens come in order, so
that whoever writes the text again from the tokens and the gaps between them writes the same text. The only exception
raised is :class:`ha.errors.StatementError`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ha.errors import StatementError

#: What a token is. Plain strings, because the regular expression's group names are these.
WORD = "word"  # an unquoted name or a key word
QUOTED = "quoted"  # "name", `name`, [name]
STRING = "string"  # '…'
ESCAPED = "escaped"  # E'…'
UNICODE = "unicode"  # U&'…'
UNICODE_NAME = "unicode_name"  # U&"…"
DOLLAR = "dollar"  # $$…$$, $tag$…$tag$
BITS = "bits"  # B'…'
BLOB = "blob"  # X'…'
NUMBER = "number"
PARAMETER = "parameter"  # $1: PostgreSQL's
BIND = "bind"  # ?, ?1, :name, @name, $name: SQLite's
OPERATOR = "operator"

#: A literal that stands for text, however it is written.
TEXTS = frozenset((STRING, ESCAPED, UNICODE, DOLLAR))
#: What may be a name.
NAMES = (WORD, QUOTED, UNICODE_NAME)
#: What stands between the SELECTs of a compound one.
COMPOUNDS = frozenset(("UNION", "INTERSECT", "EXCEPT"))


class Token(NamedTuple):
    """One token.

    :param kind: one of the constants above.
    :param key: what to compare with: a WORD in upper case, anything else as it is written.
    :param start: where it begins in the text, in characters from 0.
    :param end: where it ends.
    """

    kind: str
    key: str
    start: int
    end: int


#: What is blank in the text of an array or a range: no other of Unicode's spaces, and none of its separators.
BLANKS = " \t\n\r\f\v"
# SQLite counts only these as white space, and everything above ASCII as a letter.
_SPACE = r"[ \t\n\r\f\v\ufeff]"
_LETTER = r"[A-Za-z_\x80-\U0010ffff]"
_NAME = _LETTER + r"[A-Za-z0-9_$\x80-\U0010ffff]*+"
_TAG = rf"\$(?:{_LETTER}[A-Za-z0-9_\x80-\U0010ffff]*+)?\$"
# Loops are possessive: nothing here may try a long literal twice.
_TOKEN = re.compile(
    rf"""
    (?:{_SPACE}++|--[^\n]*+|/\*(?:[^*]++|\*(?!/))*+(?:\*/|\Z))*+
    (?:
      (?P<escaped>[eE]'[^'\\]*+(?:(?:\\.|'')[^'\\]*+)*+')
    | (?P<unicode>[uU]&'[^']*+(?:''[^']*+)*+')
    | (?P<unicode_name>[uU]&"[^"]*+(?:""[^"]*+)*+")
    | (?P<blob>[xX]'[^']*+')
    | (?P<bits>[bB]'[^']*+')
    | (?P<unterminated>(?:[eExXbB]|[uU]&)'|[uU]&")
    | (?P<spelled>(?i:operator){_SPACE}*+\({_SPACE}*+(?:(?i:pg_catalog){_SPACE}*+\.{_SPACE}*+)?[-+*/<>=~!@\#%^&|?]++{_SPACE}*+\))
    | (?P<word>{_NAME})
    | (?P<operator>->>|->|\#>>|\#>|\#-|@>|<@(?!{_LETTER})|@@|\^@|@(?=[\s\d(-])|\#(?=[\s\d(])|!~~\*|!~~|~~\*|~~|!~\*|!~|~\*|\|\|/|\|\||\|/|&&
        |<<|>>|<=|>=|<>|!=|==|::|:=|=>|[-+*/%<>=&|^!~,;()\[\]]|\.(?!\d))
    | (?P<string>'[^']*+(?:''[^']*+)*+')
    | (?P<quoted>"[^"]*+(?:""[^"]*+)*+"|`[^`]*+(?:``[^`]*+)*+`)
    | (?P<number>0[xX][0-9a-fA-F_]++|(?:\d[\d_]*+(?:\.[\d_]*+)?|\.\d[\d_]*+)(?:[eE][+-]?\d++)?)
    | (?P<parameter>\$\d++)
    | (?P<dollar>(?P<tag>{_TAG}).*?(?P=tag))
    | (?P<unterminated_>['"`]|{_TAG})
    | (?P<bind>\?\d*+|[:@\#]{_NAME}|\$[A-Za-z0-9_$\x80-\U0010ffff]++(?:::[A-Za-z0-9_]++)*+)
    | (?P<end>\Z)
    | (?P<other>.)
    )
    """,
    re.VERBOSE | re.DOTALL,
)

# Words after which `[` begins a name of SQLite's ([my table]), not a subscript.
_BEFORE_NAME = frozenset(
    "ADD ALTER AND AS ASC BETWEEN BY CASE CHECK COLLATE COLUMN CONSTRAINT CROSS DELETE DESC DISTINCT DROP ELSE EXCEPT EXISTS FROM FULL "
    "GROUP HAVING IN INDEX INNER INSERT INTERSECT INTO IS JOIN KEY LEFT LIKE LIMIT NATURAL NOT ON OR ORDER OUTER OVER REFERENCES RENAME "
    "RETURNING RIGHT SELECT SET TABLE THEN TO TRIGGER UNION UNIQUE UPDATE USING VALUES VIEW WHEN WHERE WITH".split()
)
_AFTER_OPERAND = frozenset((WORD, QUOTED, PARAMETER, BIND, UNICODE_NAME))


def tokenize(text: str) -> list[Token]:
    """The tokens of `text`, without white space and comments.

    :raises StatementError: 42601 for a literal without end, 22021 for a NUL or a lone surrogate.
    """
    if "\0" in text:
        raise StatementError("22021", "a statement cannot contain a NUL character", position=text.index("\0") + 1)
    if "[" in text or "/*" in text:
        return _tokenize_with_brackets(text)
    tokens: list[Token] = []
    append, make = tokens.append, tuple.__new__  # half the time of the loop would be Token's own constructor
    plain = text.isascii()
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        start, end = match.span(match.lastindex)  # type: ignore[arg-type]
        key = text[start:end]
        if kind == "word":
            append(make(Token, (WORD, key.upper() if plain else _folded(key), start, end)))
        elif kind not in _SPECIAL:
            append(make(Token, (kind, key, start, end)))
        elif kind == "end":
            break
        else:
            append(_special(text, kind, start, end))
    return tokens


def _folded(word: str) -> str:
    # upper() of letters beyond ASCII can produce ASCII ones ("ı" gives "I"), and so a key word nobody wrote.
    return word.upper() if word.isascii() else word


_SPECIAL = frozenset(("spelled", "unterminated", "unterminated_", "other", "end"))


def _special(text: str, kind: str | None, start: int, end: int) -> Token:
    if kind == "spelled":  # OPERATOR(pg_catalog.~) is the operator
        return Token(OPERATOR, re.split(r"[(.]", text[start:end])[-1].strip("\ufeff \t\n\r\f\v)"), start, end)
    if kind == "other":
        return Token(OPERATOR, text[start:end], start, end)
    what = (
        "dollar-quoted string"
        if text[start] == "$"
        else "quoted identifier"
        if text[end - 1] in '"`'
        else "quoted string"
    )
    raise unterminated(what, text, start)


def unterminated(what: str, text: str, start: int) -> StatementError:
    """The error for a literal that begins at `start` and has no end."""
    shown = text[start : start + 60]
    return StatementError("42601", f'unterminated {what} at or near "{shown}"', position=start + 1)


def _tokenize_with_brackets(text: str) -> list[Token]:
    """The slower way, for texts with `[`, whose meaning hangs on what stands before it, and with comments that may nest."""
    tokens: list[Token] = []
    position, length, depth = 0, len(text), 0
    nesting = True
    match_at = _TOKEN.match
    while position < length:
        position = _BLANKS.match(text, position).end()
        if text.startswith("/*", position):
            position, nesting = comment_end(text, position, nesting)
            continue
        if position >= length:
            break
        if text[position] == "[" and not _subscript(tokens, position, depth):
            close = text.find("]", position)
            if close < 0:
                raise unterminated("quoted identifier", text, position)
            tokens.append(Token(QUOTED, text[position : close + 1], position, close + 1))
            position = close + 1
            continue
        match = match_at(text, position)
        assert match is not None
        kind = match.lastgroup
        start, end = match.span(kind)  # type: ignore[arg-type]
        key = text[start:end]
        if kind == WORD:
            key = _folded(key)
        elif kind in _SPECIAL:
            tokens.append(_special(text, kind, start, end))
            position = end
            continue
        elif key == "[":
            depth += 1
        elif key == "]":
            depth -= 1
        tokens.append(Token(kind, key, start, end))  # type: ignore[arg-type]
        position = end
    return tokens


def _subscript(tokens: list[Token], position: int, depth: int) -> bool:
    """Is the `[` at `position` PostgreSQL's (``a[1]``, ``ARRAY[…]``, ``int[]``), not the beginning of SQLite's ``[name]``?"""
    if not tokens:
        return False
    last = tokens[-1]
    if last.key == "ARRAY":
        return True
    if depth > 0 and last.key in ("[", ","):  # ARRAY[[1,2],[3,4]]
        return True
    if last.end != position:
        return False
    if last.key in (")", "]"):
        return True
    return last.kind in _AFTER_OPERAND and not (last.kind == WORD and last.key in _BEFORE_NAME)


_BLANKS = re.compile(rf"(?:{_SPACE}++|--[^\n]*+)*+")
_COMMENT_EDGE = re.compile(r"/\*|\*/")


def comment_end(text: str, start: int, nesting: bool) -> tuple[int, bool]:
    """Where the comment that begins at `start` ends, and whether comments after it may nest.

    PostgreSQL's comments nest, SQLite's do not. One that has no end as a nested one is read as SQLite reads it, and so
    are all that follow (else a text of unclosed comments would be read to its end once for each). One that has no
    end at all goes to the end of the text, as in SQLite.
    """
    if nesting:
        depth = 0
        for edge in _COMMENT_EDGE.finditer(text, start):
            depth += 1 if edge.group() == "/*" else -1
            if depth == 0:
                return edge.end(), True
    close = text.find("*/", start + 2)
    return (len(text) if close < 0 else close + 2), False


def unquoted(text: str, token: Token) -> str:
    """The name that a WORD (folded to lower case, as PostgreSQL does) or a quoted token means."""
    written = text[token.start : token.end]
    if token.kind == WORD:
        return written.lower()
    if token.kind == UNICODE_NAME:
        return _unicode(written[3:-1].replace('""', '"'))
    quote = written[:1]
    if quote == "[":
        return written[1:-1]
    return written[1:-1].replace(quote * 2, quote)


def literal(text: str, token: Token) -> str | None:
    """The text that a literal of any spelling stands for; None if the token is none."""
    written = text[token.start : token.end]
    if token.kind == STRING:
        return written[1:-1].replace("''", "'")
    if token.kind == ESCAPED:
        return _unescaped(written[2:-1])
    if token.kind == UNICODE:
        return _unicode(written[3:-1].replace("''", "'"))
    if token.kind == DOLLAR:
        tag = written.index("$", 1) + 1
        return written[tag:-tag]
    return None


def quoted(value: str) -> str:
    """`value` as a literal that SQLite reads."""
    return "'" + value.replace("'", "''") + "'"


def quoted_name(name: str) -> str:
    """`name` as an identifier that SQLite and PostgreSQL read."""
    return '"' + name.replace('"', '""') + '"'


_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))|''", re.DOTALL)
_LETTERS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def _unescaped(inner: str) -> str:
    def one(match: re.Match[str]) -> str:
        octal, byte, short, long, letter = match.groups()
        if letter is not None:
            return _LETTERS.get(letter, letter)
        if octal is not None:
            return _character(int(octal, 8) & 0xFF)
        code = byte or short or long
        return "'" if code is None else _character(int(code, 16))

    return _joined(_ESCAPE.sub(one, inner))


_UNICODE_ESCAPE = re.compile(r"\\(?:\+([0-9a-fA-F]{6})|([0-9a-fA-F]{4})|(\\))")


def _unicode(inner: str) -> str:
    def one(match: re.Match[str]) -> str:
        return "\\" if match.group(3) else _character(int(match.group(1) or match.group(2), 16))

    return _joined(_UNICODE_ESCAPE.sub(one, inner))


def _character(code: int) -> str:
    if not 0 < code <= 0x10FFFF:
        raise StatementError("22021", "invalid Unicode escape value")
    return chr(code)


def _joined(value: str) -> str:
    """`value` with its surrogate pairs joined; a lone one is refused."""
    if value.isascii():
        return value
    try:
        return value.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise StatementError("22021", "invalid Unicode surrogate pair") from None


def blanked_comments(words: str) -> str:
    """`words`, which lie between two tokens, with spaces instead of comments in which others nest."""
    parts, at, nesting = [], 0, True
    while True:
        blank = _BLANKS.match(words, at)
        assert blank is not None
        parts.append(blank.group())
        at = blank.end()
        if not words.startswith("/*", at):
            parts.append(words[at:])
            return "".join(parts)
        end, nesting = comment_end(words, at, nesting)
        comment = words[at:end]
        parts.append(" " * len(comment) if "/*" in comment[2:] and nesting else comment)
        at = end
