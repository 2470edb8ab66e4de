"""DO, run: the steps of :mod:`ha.sql.procedures`, each statement as if its client had sent it inside one transaction.

A block with EXCEPTION is a savepoint: what it did is undone when an error is caught.

Runs in the reactor's thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ha.errors import Notice, StatementError
from ha.sql import procedures
from ha.sql.kinds import Do, Kind, Statement
from ha.sql.procedures import Body, Command, Dynamic, If, Raise, Return, Step
from ha.values import Answer

if TYPE_CHECKING:
    from ha.backend import Backend

#: What a DO may run: not the session's own (cursors, COPY), nor what ends its transaction.
_RUN = frozenset(
    {
        Kind.SQL, Kind.SCRIPT, Kind.SET, Kind.RESET, Kind.SHOW, Kind.LISTEN, Kind.UNLISTEN, Kind.NOTIFY, Kind.NOTHING, Kind.REFUSED,
        Kind.DO, Kind.EMPTY,
    }
)  # fmt: skip
#: Of a savepoint of ours; a client's name is never looked for by it.
_SAVEPOINT = "DO"


async def do(backend: Backend, statement: Statement, alone: bool) -> Answer:
    """Run a DO; alone, it is a transaction of its own."""
    assert isinstance(statement.argument, Do)
    body = procedures.read(statement.argument.code)
    answer = Answer("DO")
    backend.implicit_block()
    await _Run(backend, answer.notices).body(body)
    if alone:
        await backend.finish()
    return answer


class _Run:
    """One DO under way.

    :param notices: gathers what is said.
    """

    def __init__(self, backend: Backend, notices: list[Notice]) -> None:
        self._backend = backend
        self._notices = notices
        #: The error that is being handled.
        self._error: StatementError | None = None

    async def body(self, body: Body) -> bool:
        """BEGIN … END.

        :returns: has RETURN been said?
        """
        if not body.handlers:
            return await self._steps(body.steps)
        backend = self._backend
        block = backend.implicit_block()
        block.set_savepoint(_SAVEPOINT, backend.standing())
        try:
            returned = await self._steps(body.steps)
        except StatementError as error:
            handler = next((one for one in body.handlers if one.takes(error.sqlstate)), None)
            if handler is None:
                raise
            standing = block.roll_back_to(_SAVEPOINT)
            block.release(_SAVEPOINT)
            backend.go_back(standing)
            before, self._error = self._error, error
            returned = await self._steps(handler.steps)
            self._error = before
        else:
            block.release(_SAVEPOINT)
        return returned

    async def _steps(self, steps: Sequence[Step]) -> bool:
        for step in steps:
            if await self._step(step):
                return True
        return False

    async def _step(self, step: Step) -> bool:
        if isinstance(step, Return):
            return True
        if isinstance(step, Body):
            return await self.body(step)
        if isinstance(step, If):
            for condition, steps in step.branches:
                if (await self._values([condition]))[0] in (1, "t", "true"):
                    return await self._steps(steps)
        elif isinstance(step, Raise):
            await self._raise(step)
        elif isinstance(step, Dynamic):
            (text,) = await self._values([step.expression])
            if text is None:
                raise StatementError("22004", "query string argument of EXECUTE is null")
            for statement in self._backend.parse(str(text)):
                await self._run(statement)
        else:
            await self._command(step)
        return False

    def _told(self, text: str) -> str:
        """The words with what a handler knows of its error."""
        error = self._error
        return text if error is None else procedures.with_error(text, error.sqlstate, error.message)

    async def _command(self, step: Command) -> None:
        (statement,) = self._backend.parse(self._told(step.text))
        answer = await self._run(statement)
        if answer.columns is not None and not step.performed and statement.verb in ("SELECT", "VALUES"):
            raise StatementError(
                "42601",
                "query has no destination for result data",
                hint="If you want to discard the results of a SELECT, use PERFORM instead.",
            )

    async def _run(self, statement: Statement) -> Answer:
        if statement.kind not in _RUN:
            raise StatementError("0A000", f"{statement.verb} in DO is not supported")
        answer = await self._backend.execute(statement, alone=False)
        if answer.rest is not None:
            answer.rest.close()
        self._notices += answer.notices
        return answer

    async def _values(self, expressions: Sequence[str]) -> Sequence[Any]:
        """What the expressions come to."""
        (statement,) = self._backend.parse(self._told("SELECT " + ", ".join(f"({one})" for one in expressions)))
        answer = await self._run(statement)
        return answer.rows[0] if answer.rows else [None] * len(expressions)

    async def _texts(self, expressions: Sequence[str]) -> list[str]:
        if not expressions:
            return []
        found = await self._values([f"({one})::text" for one in expressions])
        return ["<NULL>" if one is None else str(one) for one in found]

    async def _raise(self, step: Raise) -> None:
        """
        :raises StatementError: what an EXCEPTION raises; the error that is handled, for a bare RAISE.
        """
        if step.again:
            if self._error is None:
                raise StatementError("0Z002", "RAISE without parameters cannot be used outside an exception handler")
            raise self._error
        message = (
            procedures.filled(step.message, await self._texts(step.arguments)) if step.message is not None else None
        )
        given = dict(
            zip([name for name, _ in step.options], await self._texts([one for _, one in step.options]), strict=True)
        )
        state = procedures.state_of(given["ERRCODE"]) if "ERRCODE" in given else step.sqlstate
        message = given.get("MESSAGE", message) or step.condition or state
        detail, hint = given.get("DETAIL"), given.get("HINT")
        if step.level == "EXCEPTION":
            raise StatementError(state, message, detail=detail, hint=hint)
        told = {"WARNING": "01000"}.get(step.level, "00000") if "ERRCODE" not in given and not step.condition else state
        self._notices.append(Notice(step.level, told, message, detail, hint))
