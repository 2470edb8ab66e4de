"""What a client is told when a statement cannot be done. [pure]

One exception class for every failure that is the client's or the world's fault, carrying the fields that
PostgreSQL's ErrorResponse has (https://www.postgresql.org/docs/15/protocol-error-fields.html); both doors
print it in their own form. A bug of ours is never a :class:`StatementError`: it is an assertion, and its
Failure is logged.
"""

from __future__ import annotations

from dataclasses import dataclass


class StatementError(Exception):
    """A statement, or its transaction, could not be done.

    :param sqlstate: five characters, PostgreSQL's appendix A.
    :param message: one sentence for a person.
    :param detail: more, when it helps ("Key (id)=(1) already exists.").
    :param hint: what the person could do about it.
    :param position: where in the client's own text, in characters counted from 1.
    :param schema: of the table, where that is not public.
    :param index: which command of a batch failed, counted from 0.
    """

    def __init__(
        self,
        sqlstate: str,
        message: str,
        *,
        detail: str | None = None,
        hint: str | None = None,
        position: int | None = None,
        schema: str | None = None,
        table: str | None = None,
        column: str | None = None,
        constraint: str | None = None,
        data_type: str | None = None,
        index: int | None = None,
    ) -> None:
        super().__init__(sqlstate, message)
        self.sqlstate = sqlstate
        self.message = message
        self.detail = detail
        self.hint = hint
        self.position = position
        self.schema = schema
        self.table = table
        self.column = column
        self.constraint = constraint
        self.data_type = data_type
        self.index = index

    def __str__(self) -> str:
        return f"{self.message} ({self.sqlstate})"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something worth saying that did not stop the statement (PostgreSQL's NoticeResponse).

    :param severity: ``NOTICE``, ``WARNING``, ``INFO`` or ``DEBUG``.
    """

    severity: str
    sqlstate: str
    message: str
    detail: str | None = None
    hint: str | None = None


def pass_over(error: StatementError, notices: list[Notice], *, allowed: bool, told: str = "00000") -> None:
    """What IF EXISTS or IF NOT EXISTS allows for is a notice, and else an error.

    :param told: the notice's SQLSTATE.
    :raises StatementError: `error`.
    """
    if not allowed:
        raise error
    notices.append(Notice("NOTICE", told, f"{error.message}, skipping"))


class NotReached(StatementError):
    """57014: this node is not, within the time that may be waited, where a read wants it to be. Nothing was run.

    :param sequence: the position in the log that was waited for.
    """

    def __init__(self, sequence: int, position: int, waited_s: float) -> None:
        super().__init__("57014", f"waited {waited_s:g} s for log position {sequence}; this node is at {position}")


def depended_on(what: str, detail: str | None) -> StatementError:
    """2BP01: without CASCADE something stays while others depend on it.

    :param detail: one line for each of them.
    """
    return StatementError(
        "2BP01",
        f"cannot drop {what} because other objects depend on it",
        detail=detail,
        hint="Use DROP ... CASCADE to drop the dependent objects too.",
    )
