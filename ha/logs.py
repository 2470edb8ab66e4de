"""What is said on the log: the libraries' own words, and long work's progress.

Everything of ours logs with :class:`twisted.logger.Logger`. asyncio and nats-py use the standard library's
logging, which without a word from us would go to a standard error that a daemon does not have:
:func:`forward_stdlib_logs` brings it to the same log. :class:`Progress` is for work that may take long (waiting for
NATS, catching up, restoring): it says how far it is, seldom enough to be read.
"""

from __future__ import annotations

import logging
from typing import Protocol

from twisted.logger import Logger, LogLevel

#: How often long work says how far it is. Often enough for somebody who watches, seldom enough for a file.
PROGRESS_INTERVAL_S = 5.0

_LEVELS = (
    (logging.CRITICAL, LogLevel.critical),
    (logging.ERROR, LogLevel.error),
    (logging.WARNING, LogLevel.warn),
    (logging.INFO, LogLevel.info),
)


class TwistedLogs(logging.Handler):
    """A standard-library log handler that writes to Twisted's log, under the same names and levels."""

    def emit(self, record: logging.LogRecord) -> None:
        """Pass one record on. Called in whatever thread logged it; Twisted's log is safe to call from any."""
        level = next((ours for theirs, ours in _LEVELS if record.levelno >= theirs), LogLevel.debug)
        Logger(namespace=record.name).emit(level, "{text}", text=self.format(record))


def forward_stdlib_logs(root: logging.Logger | None = None) -> None:
    """Send what libraries log to Twisted's log, warnings and worse. Once per process.

    :param root: the logger to listen at; the standard library's root by default.
    """
    root = logging.getLogger() if root is None else root
    if not any(isinstance(one, TwistedLogs) for one in root.handlers):
        root.addHandler(TwistedLogs(logging.WARNING))


class Clock(Protocol):
    """Something that knows the time: the reactor, or a test's own."""

    def seconds(self) -> float:
        """Seconds since some moment."""


class Progress:
    """Says how far long work is, at most once per `PROGRESS_INTERVAL_S`, and never if it was short.

    :param log: whose log it is.
    :param format: a log format with the fields that :meth:`at` is given.
    """

    def __init__(self, clock: Clock, log: Logger, format: str) -> None:
        self._clock = clock
        self._log = log
        self._format = format
        self._next = clock.seconds() + PROGRESS_INTERVAL_S

    def at(self, **fields: object) -> None:
        """The work is here now. Cheap enough to be called at every step."""
        now = self._clock.seconds()
        if now >= self._next:
            self._next = now + PROGRESS_INTERVAL_S
            self._log.info(self._format, **fields)
