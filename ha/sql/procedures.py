"""DO: the part of PL/pgSQL that scripts of migrations are written in. [pure]

Statements, IF, RAISE, PERFORM, EXECUTE of a text, RETURN, and blocks with EXCEPTION. There are no variables and no loops: what DECLAREs or
loops is refused (0A000), whole, before anything runs.

https://www.postgresql.org/docs/15/plpgsql.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NoReturn

from ha.errors import StatementError
from ha.sql import sqlstate
from ha.sql.tokens import STRING, WORD, Token, literal, quoted, tokenize

#: Blocks and IFs inside each other.
DEPTH_MAX = 50

#: What RAISE says where no condition is named.
RAISED = "P0001"
#: ``WHEN OTHERS`` is any but these.
_NOT_OTHERS = frozenset(("57014", "P0004"))
OTHERS: Final = "others"

LEVELS: Final = ("DEBUG", "LOG", "INFO", "NOTICE", "WARNING", "EXCEPTION")
_OPTIONS: Final = frozenset(("MESSAGE", "DETAIL", "HINT", "ERRCODE"))
_LOOPS: Final = frozenset(
    "DECLARE LOOP WHILE FOR FOREACH EXIT CONTINUE CASE GET OPEN FETCH MOVE CLOSE ASSERT CALL".split()
)
_STATES: Final = {name: state for name, state in vars(sqlstate).items() if name.isupper() and isinstance(state, str)}
#: Conditions by the name that PL/pgSQL calls them by: without the letters of a class that the table has before some.
CONDITIONS: Final = {
    re.sub("^(?:T_R|S_R_E|E_R_I_E|E_R_E)_", "", name).lower(): one for name, one in _STATES.items()
} | {name.lower(): one for name, one in _STATES.items()}
_TRANSACTIONS: Final = frozenset(("COMMIT", "ROLLBACK", "SAVEPOINT", "START", "ABORT", "RELEASE"))


@dataclass(frozen=True, slots=True)
class Command:
    """A statement of SQL.

    :param performed: its rows are wanted by nobody (PERFORM).
    """

    text: str
    performed: bool = False


@dataclass(frozen=True, slots=True)
class Dynamic:
    """EXECUTE of the text that an expression gives."""

    expression: str


@dataclass(frozen=True, slots=True)
class If:
    """Each condition with what is done where it is the first that holds; an ELSE has the condition ``true``."""

    branches: tuple[tuple[str, tuple[Step, ...]], ...]


@dataclass(frozen=True, slots=True)
class Raise:
    """RAISE.

    :param message: with ``%`` for each argument; None for the condition's own name.
    :param options: of USING, each an expression.
    :param again: the error that is being handled, as it is.
    """

    level: str = "EXCEPTION"
    message: str | None = None
    arguments: tuple[str, ...] = ()
    sqlstate: str = RAISED
    condition: str = ""
    options: tuple[tuple[str, str], ...] = ()
    again: bool = False


@dataclass(frozen=True, slots=True)
class Return:
    """The end."""


@dataclass(frozen=True, slots=True)
class Catch:
    """WHEN: SQLSTATEs, classes of them (ending in 000), or :data:`OTHERS`."""

    conditions: frozenset[str]
    steps: tuple[Step, ...]

    def takes(self, state: str) -> bool:
        """Is this error its?"""
        if OTHERS in self.conditions and state not in _NOT_OTHERS:
            return True
        return state in self.conditions or f"{state[:2]}000" in self.conditions


@dataclass(frozen=True, slots=True)
class Body:
    """BEGIN … [EXCEPTION …] END."""

    steps: tuple[Step, ...] = ()
    handlers: tuple[Catch, ...] = field(default=())


Step = Command | Dynamic | If | Raise | Return | Body


def read(text: str) -> Body:
    """The body of a DO.

    :raises StatementError: 42601, and 0A000 for what is not understood here.
    """
    reader = _Body(text)
    body = reader.body(0)
    reader.take(";")
    reader.end()
    return body


def with_error(text: str, state: str, message: str) -> str:
    """An expression or statement with the values of SQLSTATE and SQLERRM in their place."""
    values = {"SQLSTATE": state, "SQLERRM": message}
    made, at = "", 0
    for token in tokenize(text):
        if token.kind == WORD and token.key in values:
            made += text[at : token.start] + quoted(values[token.key])
            at = token.end
    return made + text[at:]


class _Body:
    """A place in the text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: Sequence[Token] = tokenize(text)
        self._at = 0

    def _key(self, by: int = 0) -> str:
        at = self._at + by
        return self._tokens[at].key if at < len(self._tokens) else ""

    def take(self, *keys: str) -> bool:
        """Step over these, if they stand here."""
        if all(self._key(by) == key for by, key in enumerate(keys)):
            self._at += len(keys)
            return True
        return False

    def _expect(self, *keys: str) -> None:
        for key in keys:
            if not self.take(key):
                self._fail()

    def end(self) -> None:
        """Nothing may follow."""
        if self._at < len(self._tokens):
            self._fail()

    def _fail(self) -> NoReturn:
        if self._at >= len(self._tokens):
            raise StatementError("42601", "syntax error at end of input")
        token = self._tokens[self._at]
        raise StatementError("42601", f'syntax error at or near "{self._text[token.start : token.end]}"')

    def body(self, depth: int) -> Body:
        """BEGIN to END; the semicolon behind it is the caller's."""
        if depth > DEPTH_MAX:
            raise StatementError("54001", f"blocks are more than {DEPTH_MAX} deep")
        if self._key() == "DECLARE":
            self._refuse("DECLARE")
        self._expect("BEGIN")
        steps = self._steps(depth, ("EXCEPTION", "END"))
        handlers = []
        if self.take("EXCEPTION"):
            while self.take("WHEN"):
                conditions = {self._condition()}
                while self.take("OR"):
                    conditions.add(self._condition())
                self._expect("THEN")
                handlers.append(Catch(frozenset(conditions), self._steps(depth, ("WHEN", "END"))))
            if not handlers:
                self._fail()
        self._expect("END")
        return Body(steps, tuple(handlers))

    def _refuse(self, what: str) -> NoReturn:
        raise StatementError(
            "0A000",
            f"{what} in DO is not supported",
            hint="DO knows statements, IF, RAISE, PERFORM, EXECUTE and EXCEPTION.",
        )

    def _steps(self, depth: int, ends: tuple[str, ...]) -> tuple[Step, ...]:
        steps: list[Step] = []
        while self._key() not in ends:
            step = self._step(depth)
            if step is not None:
                steps.append(step)
            self._expect(";")
        return tuple(steps)

    def _step(self, depth: int) -> Step | None:
        key = self._key()
        if key in ("BEGIN", "DECLARE"):
            return self.body(depth + 1)
        if key in _LOOPS or self._key(1) in (":=", "=") or self._key(1) == ":":
            self._refuse(key)
        if key in _TRANSACTIONS:
            self._refuse(f"{key}: the end of a transaction")
        if self.take("NULL"):
            return None
        if self.take("RETURN"):
            return Return()
        if self.take("IF"):
            return self._if(depth)
        if self.take("RAISE"):
            return self._raise()
        if self.take("EXECUTE"):
            return Dynamic(self._upto(";"))
        if self.take("PERFORM"):
            return Command("SELECT " + self._upto(";"), performed=True)
        return Command(self._upto(";"))

    def _upto(self, *ends: str) -> str:
        """The words from here to one of these, outside of parentheses and CASE."""
        first, depth = self._at, 0
        while self._at < len(self._tokens):
            key = self._key()
            if depth == 0 and key in ends:
                break
            depth += (key in ("(", "[", "CASE")) - (key in (")", "]") or (key == "END" and depth > 0))
            self._at += 1
        if self._at == first or self._at == len(self._tokens):
            self._fail()
        return self._text[self._tokens[first].start : self._tokens[self._at - 1].end]

    def _if(self, depth: int) -> If:
        if depth > DEPTH_MAX:
            raise StatementError("54001", f"blocks are more than {DEPTH_MAX} deep")
        ends = ("ELSIF", "ELSEIF", "ELSE", "END")
        branches = []
        while True:
            condition = self._upto("THEN")
            self._expect("THEN")
            branches.append((condition, self._steps(depth + 1, ends)))
            if not (self.take("ELSIF") or self.take("ELSEIF")):
                break
        if self.take("ELSE"):
            branches.append(("true", self._steps(depth + 1, ("END",))))
        self._expect("END", "IF")
        return If(tuple(branches))

    def _string(self) -> str | None:
        value = literal(self._text, self._tokens[self._at]) if self._at < len(self._tokens) else None
        if value is not None:
            self._at += 1
        return value

    def _condition(self) -> str:
        """A name of a condition, or SQLSTATE and a text."""
        if self.take("SQLSTATE"):
            state = self._string()
            if state is None or len(state) != 5:
                self._fail()
            return state
        name = self._key()
        if name == "OTHERS":
            self._at += 1
            return OTHERS
        return self._named(name.lower())

    def _named(self, name: str) -> str:
        state = CONDITIONS.get(name)
        if state is None:
            raise StatementError("42704", f'unrecognized exception condition "{name}"')
        self._at += 1
        return state

    def _raise(self) -> Raise:
        if self._key() == ";":
            return Raise(again=True)
        level = "EXCEPTION"
        if self._key() in LEVELS:
            level = self._key()
            self._at += 1
        message, condition, state = self._string(), "", RAISED
        arguments: list[str] = []
        if message is not None:
            while self.take(","):
                arguments.append(self._upto(",", ";", "USING"))
            if message.replace("%%", "").count("%") != len(arguments):
                few = message.replace("%%", "").count("%") > len(arguments)
                raise StatementError("42601", f"too {'few' if few else 'many'} parameters specified for RAISE")
        elif self._key() not in ("USING", ";"):
            condition = self._key().lower()
            state = self._condition()
        options = []
        if self.take("USING"):
            while True:
                name = self._key()
                if name not in _OPTIONS:
                    self._refuse(f"USING {name}")
                self._at += 1
                if not self.take(":="):
                    self._expect("=")
                options.append((name, self._upto(",", ";")))
                if not self.take(","):
                    break
        return Raise(level, message, tuple(arguments), state, condition, tuple(options))


def state_of(name: str) -> str:
    """What ERRCODE means: five characters, or a condition's name.

    :raises StatementError: 42704, nothing.
    """
    if len(name) == 5 and name.isalnum() and name == name.upper():
        return name
    if name.lower() not in CONDITIONS:
        raise StatementError("42704", f'unrecognized exception condition "{name}"')
    return CONDITIONS[name.lower()]


def filled(message: str, values: Sequence[str]) -> str:
    """RAISE's text with its arguments in their places."""
    parts = message.split("%%")
    left = iter(values)
    return "%".join(
        "".join(piece if at == 0 else next(left) + piece for at, piece in enumerate(part.split("%"))) for part in parts
    )


def body_of(text: str, tokens: Sequence[Token]) -> str:
    """The text that a DO is given, in whatever order its LANGUAGE stands.

    :raises StatementError: 42601, none; 0A000, another language.
    """
    code = None
    at = 1
    while at < len(tokens):
        if tokens[at].key == "LANGUAGE" and at + 1 < len(tokens):
            token = tokens[at + 1]
            name = literal(text, token) if token.kind == STRING else text[token.start : token.end]
            if (name or "").lower().strip('"') != "plpgsql":
                raise StatementError("0A000", f"DO in the language {name} is not supported")
            at += 2
            continue
        value = literal(text, tokens[at])
        if value is None or code is not None:
            shown = text[tokens[at].start : tokens[at].end]
            raise StatementError("42601", f'syntax error at or near "{shown}"', position=tokens[at].start + 1)
        code = value
        at += 1
    if code is None:
        raise StatementError("42601", "no inline code specified")
    return code
