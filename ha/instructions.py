"""What a client says to its session and not to SQLite: BEGIN and COMMIT, SET and SHOW, LISTEN and NOTIFY, and what means nothing here.

:data:`INSTRUCTIONS` says which function answers which kind; each works on a :class:`~ha.backend.Backend`.

Runs in the reactor's thread.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from ha.block import Block
from ha.errors import Notice, StatementError, pass_over
from ha.procedure import do
from ha.sql.kinds import (
    Begin,
    CreateDatabase,
    CreateLike,
    CreateTableAs,
    DropDatabase,
    End,
    Kind,
    Name,
    Notify,
    Script,
    SetVariable,
    Statement,
)
from ha.sql.variables import spelled
from ha.values import Answer, Column, Row
from ha.writing import submit, take_writer, write_script

if TYPE_CHECKING:
    from ha.backend import Backend


async def _begin(backend: Backend, statement: Statement, alone: bool) -> Answer:
    begin = statement.argument
    assert isinstance(begin, Begin)
    answer = Answer(statement.verb)
    if backend.block is not None and backend.block.explicit:
        answer.notices.append(Notice("WARNING", "25001", "there is already a transaction in progress"))
        return answer
    block = backend.implicit_block()
    block.explicit = True
    backend.shape_block(block, begin)
    return answer


async def _set_transaction(backend: Backend, statement: Statement, alone: bool) -> Answer:
    begin = statement.argument
    assert isinstance(begin, Begin)
    answer = Answer(statement.verb)
    if backend.block is None:
        answer.notices.append(Notice("WARNING", "25P01", "SET TRANSACTION can only be used in transaction blocks"))
    elif begin.isolation is not None and backend.block.used:
        raise StatementError("25001", "SET TRANSACTION ISOLATION LEVEL must be called before any query")
    else:
        if begin.isolation is not None:
            backend.set_isolation(backend.block, begin.isolation)
        if begin.read_only is not None:
            backend.set_read_only(backend.block, begin.read_only)
        if begin.deferrable is not None:
            backend.set_deferrable(begin.deferrable)
    return answer


async def _commit_command(backend: Backend, statement: Statement, alone: bool) -> Answer:
    answer = Answer("COMMIT")
    block = backend.block
    if block is None or not block.explicit:
        answer.notices.append(Notice("WARNING", "25P01", "there is no transaction in progress"))
        await backend.finish()
    elif block.failed:
        backend.end_block()
        answer.verb = "ROLLBACK"
    else:
        await backend.commit_block()
    _chain(backend, statement, block)
    return answer


async def _rollback_command(backend: Backend, statement: Statement, alone: bool) -> Answer:
    answer = Answer("ROLLBACK")
    block = backend.block
    if block is None or not block.explicit:
        answer.notices.append(Notice("WARNING", "25P01", "there is no transaction in progress"))
    backend.end_block()
    _chain(backend, statement, block)
    return answer


def _chain(backend: Backend, statement: Statement, ended: Block | None) -> None:
    """AND CHAIN: the next block has the ways of the one that ended."""
    if isinstance(statement.argument, End) and statement.argument.chain and ended is not None:
        block = backend.implicit_block()
        block.explicit = True
        backend.set_isolation(block, ended.isolation)
        backend.set_read_only(block, ended.read_only)


def _explicit_block(backend: Backend, command: str) -> Block:
    if backend.block is None or not backend.block.explicit:
        raise StatementError("25P01", f"{command} can only be used in transaction blocks")
    return backend.block


async def _savepoint(backend: Backend, statement: Statement, alone: bool) -> Answer:
    _explicit_block(backend, "SAVEPOINT").set_savepoint(_name(statement), backend.standing())
    return Answer(statement.verb)


async def _release(backend: Backend, statement: Statement, alone: bool) -> Answer:
    _explicit_block(backend, "RELEASE SAVEPOINT").release(_name(statement))
    return Answer(statement.verb)


async def _roll_back_to(backend: Backend, statement: Statement, alone: bool) -> Answer:
    backend.go_back(_explicit_block(backend, "ROLLBACK TO SAVEPOINT").roll_back_to(_name(statement)))
    return Answer(statement.verb)


# Settings, notifications, and what has no meaning here


async def _set(backend: Backend, statement: Statement, alone: bool) -> Answer:
    change = statement.argument
    assert isinstance(change, SetVariable)
    answer = Answer(statement.verb)
    if not alone:
        backend.implicit_block()
    if change.name is None:
        backend.variables.reset(None)
    elif change.local and backend.block is None:
        answer.notices.append(Notice("WARNING", "25P01", "SET LOCAL can only be used in transaction blocks"))
    else:
        backend.variables.set(change.name, change.value, local=change.local)
    return answer


async def _show(backend: Backend, statement: Statement, alone: bool) -> Answer:
    name = shown(statement)
    if name is not None:
        value = backend.variables.get(name)
        rows: list[Row] = [(backend.newest_seq(value) if name.lower() == "ha.seq" else value,)]
        return Answer("SHOW", (Column(name, expression="text"),), rows, 1)
    columns = tuple(Column(name, expression="text") for name in ("name", "setting", "description"))
    rows = [(name, setting, description) for name, setting, description in backend.variables.all()]
    return Answer("SHOW", columns, rows, len(rows))


async def _discard(backend: Backend, statement: Statement, alone: bool) -> Answer:
    what = _name(statement).upper() or "ALL"
    if what == "ALL":
        if backend.status != "I":
            raise StatementError("25001", "DISCARD ALL cannot run inside a transaction block")
        backend.variables.reset(None)
        backend.listen_to(frozenset())
        backend.claims.release_all()
    if what in ("ALL", "TEMP", "TEMPORARY"):
        if backend.block is not None and backend.private is not None:
            raise StatementError("0A000", "temporary tables cannot be discarded inside a transaction block")
        backend.drop_temporary()
    if what in ("ALL", "SEQUENCES"):
        backend.context.last_values.clear()
        backend.context.inserts.clear()
        backend.context.last_sequence = None
    return Answer(statement.verb)


async def _listen(backend: Backend, statement: Statement, alone: bool) -> Answer:
    backend.listen_to(backend.channels | {_name(statement)})
    return Answer(statement.verb)


async def _unlisten(backend: Backend, statement: Statement, alone: bool) -> Answer:
    assert isinstance(statement.argument, Name)
    name = statement.argument.name
    backend.listen_to(frozenset() if name is None else backend.channels - {name})
    return Answer(statement.verb)


async def _notify(backend: Backend, statement: Statement, alone: bool) -> Answer:
    notify = statement.argument
    assert isinstance(notify, Notify)
    if not alone:
        backend.implicit_block()
    if backend.block is None:
        said = (notify.channel, notify.payload, backend.pid)
        await submit(backend, "NOTIFY", lambda _, going_out: going_out.append(said), key=None)
        return Answer(statement.verb)
    backend.block.notifications.append((notify.channel, notify.payload, backend.pid))
    return Answer(statement.verb)


async def _database(backend: Backend, statement: Statement, alone: bool) -> Answer:
    argument = statement.argument
    if backend.premises is None:
        raise StatementError("0A000", f"{statement.verb} is not possible here")
    if backend.block is not None or not alone:
        raise StatementError("25001", f"{statement.verb} cannot run inside a transaction block")
    answer = Answer(statement.verb)
    if isinstance(argument, CreateDatabase):
        await backend.premises.create_database(argument.name)
        return answer
    assert isinstance(argument, DropDatabase)
    if not await backend.premises.drop_database(argument.name, force=argument.force, asking=backend.pid):
        absent = StatementError("3D000", f'database "{argument.name}" does not exist')
        pass_over(absent, answer.notices, allowed=argument.if_exists)
    return answer


async def _script(backend: Backend, statement: Statement, alone: bool) -> Answer:
    if not alone:
        backend.implicit_block()
    if backend.block is None:
        return await submit(
            backend,
            statement.verb,
            lambda connection, _: write_script(backend, connection, statement),
            key=statement.text,
        )
    if isinstance(statement.argument, (CreateTableAs, CreateLike, Script)) and statement.argument.temporary:
        await backend.move_in(statement.verb)
    opened = await take_writer(backend, backend.block, statement.verb)
    backend.block.used = True
    return await opened.run(
        lambda connection: write_script(backend, connection, statement),
        writes=True,
        deadline=backend.deadline(),
        cancellation=backend.cancellation,
    )


async def _nothing(backend: Backend, statement: Statement, alone: bool) -> Answer:
    if statement.verb == "LOCK TABLE":
        _explicit_block(backend, "LOCK TABLE")
    return Answer(statement.verb)


async def _refused(backend: Backend, statement: Statement, alone: bool) -> Answer:
    assert isinstance(statement.argument, tuple)
    sqlstate, message, hint = statement.argument
    raise StatementError(sqlstate, message, hint=hint)


INSTRUCTIONS: dict[Kind, Callable[[Backend, Statement, bool], Awaitable[Answer]]] = {
    Kind.EMPTY: _nothing,
    Kind.BEGIN: _begin,
    Kind.COMMIT: _commit_command,
    Kind.ROLLBACK: _rollback_command,
    Kind.SAVEPOINT: _savepoint,
    Kind.RELEASE: _release,
    Kind.ROLLBACK_TO: _roll_back_to,
    Kind.SET: _set,
    Kind.RESET: _set,
    Kind.SHOW: _show,
    Kind.SET_TRANSACTION: _set_transaction,
    Kind.DISCARD: _discard,
    Kind.LISTEN: _listen,
    Kind.UNLISTEN: _unlisten,
    Kind.NOTIFY: _notify,
    Kind.DATABASE: _database,
    Kind.SCRIPT: _script,
    Kind.DO: do,
    Kind.NOTHING: _nothing,
    Kind.REFUSED: _refused,
}


def _name(statement: Statement) -> str:
    assert isinstance(statement.argument, Name)
    return statement.argument.name or ""


def shown(statement: Statement) -> str | None:
    """What SHOW calls its column: the parameter as PostgreSQL spells it."""
    return spelled(statement.argument.name or "") or None if isinstance(statement.argument, Name) else None
