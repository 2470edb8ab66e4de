"""A place in a statement's tokens, from which a command's arguments are read. [pure]"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ha.errors import StatementError
from ha.sql import kinds
from ha.sql.kinds import Kind
from ha.sql.namespaces import BUILT_IN, Names, joined, parted
from ha.sql.tokens import NAMES, NUMBER, QUOTED, TEXTS, WORD, Token, literal, quoted_name, unquoted
from ha.sql.typenames import KNOWN, read_type

#: Kind, command tag, argument.
Parsed = tuple[Kind, str, kinds.Argument]

#: What reads an inner statement (PREPARE … AS, DECLARE … FOR, COPY (…)): the tokens from here to there.
Inner = Callable[[int, int], kinds.Statement]


class Reader:
    """A place in a statement's tokens.

    :param text: the whole text that the tokens' offsets count in.
    :param inner: makes the statement of a range of these tokens.
    :param sqlite: for the door that speaks SQLite.
    :param names: see :func:`ha.sql.namespaces.placed`.
    """

    def __init__(
        self, text: str, tokens: Sequence[Token], inner: Inner, sqlite: bool = False, names: Names | None = None
    ) -> None:
        self.sqlite = sqlite
        self.path = names
        #: The schema of what :meth:`qualified` read last; None for public.
        self.schema: str | None = None
        self.text = text
        self.tokens = tokens
        self.inner = inner
        self.at = 1

    @property
    def key(self) -> str:
        """The present token's key, or "" at the end."""
        return self.tokens[self.at].key if self.at < len(self.tokens) else ""

    def ahead(self, by: int = 1) -> str:
        """The key of a later token, or "" beyond the end."""
        return self.tokens[self.at + by].key if self.at + by < len(self.tokens) else ""

    def take(self, *keys: str) -> bool:
        """Step over these keys if they stand here, all of them."""
        for by, key in enumerate(keys):
            if self.ahead(by) != key:
                return False
        self.at += len(keys)
        return True

    def one_of(self, *keys: str) -> str:
        """Step over one of these keys and tell which, or "" if none stands here."""
        if self.key in keys:
            self.at += 1
            return self.tokens[self.at - 1].key
        return ""

    def expect(self, *keys: str) -> None:
        if not self.take(*keys):
            raise self.error()

    def end(self) -> None:
        if self.at < len(self.tokens):
            raise self.error()

    def error(self) -> StatementError:
        """The syntax error at the present token."""
        if self.at >= len(self.tokens):
            last = self.tokens[-1].end if self.tokens else 0
            return StatementError("42601", "syntax error at end of input", position=last + 1)
        token = self.tokens[self.at]
        shown = self.text[token.start : token.end]
        return StatementError("42601", f'syntax error at or near "{shown}"', position=token.start + 1)

    def name(self) -> str:
        """A name; unquoted ones are folded to lower case."""
        if self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token.kind in NAMES:
                self.at += 1
                return unquoted(self.text, token)
        raise self.error()

    def qualified(self) -> str:
        """A name with or without a schema before it, as SQLite calls it."""
        name, schema = self.name(), None
        while self.take("."):
            schema, name = name, self.name()
        if schema is None and self.path is not None:
            schema, name = parted(self.path.of(name))
        self.schema = None if schema in BUILT_IN else schema
        return joined(self.schema, name)

    def type_name(self) -> str:
        """The name of a type; one of another schema than public with that."""
        name = self.name()
        schema = None
        while self.take("."):
            schema, name = name, self.name()
        return joined(schema, name)

    def type_words(self) -> str:
        """A type, in words that :func:`ha.sql.typenames.declared_type` reads; ``integer`` is int4 here.

        :raises StatementError: 42601.
        """
        found, after = read_type(self.text, self.tokens, self.at)
        if found is None:
            raise self.error()
        self.at = after
        plain = found.name.removeprefix("_")
        name = plain if plain in KNOWN else quoted_name(plain)
        modifiers = f"({','.join(map(str, found.modifiers))})" if found.modifiers else ""
        return f"{name}{'[]' if found.name != plain else ''}{modifiers}"

    def expression(self, stop: frozenset[str]) -> str:
        """The client's words up to one of these keys on this level, or to the bracket that closes it.

        :raises StatementError: 42601, there are none.
        """
        start, depth = self.at, 0
        while self.key:
            key = self.key
            if depth == 0 and (key == ")" or (key in stop and self.at > start)):
                break
            depth += (key in "([") - (key in ")]")
            self.at += 1
        if self.at == start:
            raise self.error()
        return self.text[self.tokens[start].start : self.tokens[self.at - 1].end]

    def string(self) -> str:
        """A literal for text."""
        if self.at < len(self.tokens):
            value = literal(self.text, self.tokens[self.at])
            if value is not None:
                self.at += 1
                return value
        raise self.error()

    def value(self) -> str:
        """A setting's value: a literal, a word, or a number with its sign."""
        if self.at >= len(self.tokens):
            raise self.error()
        token = self.tokens[self.at]
        if token.kind in TEXTS:
            return self.string()
        if token.kind == QUOTED:
            self.at += 1
            return self.text[token.start : token.end] if token.key == '"$user"' else unquoted(self.text, token)
        if token.kind == WORD:
            return self.name()
        sign = self.one_of("-", "+")
        if self.at < len(self.tokens) and self.tokens[self.at].kind == NUMBER:
            self.at += 1
            return ("-" if sign == "-" else "") + self.tokens[self.at - 1].key
        raise self.error()

    def integer(self) -> int:
        """A number with or without a sign."""
        sign = -1 if self.one_of("-", "+") == "-" else 1
        if (
            self.at < len(self.tokens)
            and self.tokens[self.at].kind == NUMBER
            and self.key.isdecimal()
            and len(self.key) < 19
        ):
            self.at += 1
            return sign * int(self.tokens[self.at - 1].key)
        raise self.error()

    def names(self) -> tuple[str, ...]:
        """``(a, b, c)``; nothing if no parenthesis stands here."""
        if not self.take("("):
            return ()
        found = self.listed(self.name)
        self.expect(")")
        return found

    def listed(self, read: Callable[[], str]) -> tuple[str, ...]:
        """What `read` finds, and behind each comma again."""
        found = [read()]
        while self.take(","):
            found.append(read())
        return tuple(found)

    def closing(self) -> int:
        """The index of the parenthesis that closes the one before the present token."""
        depth = 1
        for index in range(self.at, len(self.tokens)):
            key = self.tokens[index].key
            if key == "(":
                depth += 1
            elif key == ")":
                depth -= 1
                if depth == 0:
                    return index
        self.at = len(self.tokens)
        raise self.error()

    def closing_of(self, opening: int) -> int:
        """The index of the parenthesis that closes the one at `opening`."""
        at, self.at = self.at, opening + 1
        found = self.closing()
        self.at = at
        return found

    def words(self, start: int, end: int) -> str:
        """The client's own words from one token up to before another."""
        return self.text[self.tokens[start].start : self.tokens[end - 1].end] if start < end else ""


def refused(what: str, hint: str | None = None) -> Parsed:
    """A statement that is understood and cannot be done here."""
    return Kind.REFUSED, what, ("0A000", f"{what} is not supported", hint)
