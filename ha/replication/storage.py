"""The disk under the embedded nats-server: whether it failed the server, and whether there is room again.

nats-server does not get over a write that failed. Alone it goes on answering questions but stores nothing and acknowledges
nothing, in a cluster it ends its JetStream; both for good, however much room there is later (seen with 2.15.1). So whoever
runs it asks here, every few seconds, whether it should be started again.

Two things tell: what it says in its log, and a disk so full that this log may be missing the line.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable

#: A disk with less room than this has failed the server or is about to, even if its log could not say so (bytes).
FULL_BYTES = 256 * 1024

#: There is room again: for more than what made it fail, mostly; if not, it fails again and is started again (bytes).
ROOM_BYTES = 4 * 1024 * 1024

#: How much of what is new in the log is read, the newest (bytes).
READ_BYTES_MAX = 64 * 1024

#: How the operating system's words for it appear there.
FAILURES = re.compile(
    rb"no space left on device|disk quota exceeded|input/output error|read-only file system|JetStream out of resources"
)


def free_bytes(directory: str) -> int:
    """How much more fits beside `directory`; 0 when that cannot be told."""
    try:
        told = os.statvfs(directory)
    except OSError:
        return 0
    return told.f_bavail * told.f_frsize


class Storage:
    """What a server's storage went through since it was started.

    :param directory: where it stores.
    :param log_path: what it says.
    :param room: asks for free bytes.
    :ivar failed: it could not write; it stays so until the server is started again.
    """

    def __init__(self, directory: str, log_path: str, room: Callable[[str], int] = free_bytes) -> None:
        self._directory = directory
        self._log_path = log_path
        self._room = room
        self._read_to = 0
        self.failed = False

    def begin(self) -> None:
        """The server is started: what its log says so far is of the past."""
        self.failed = False
        self._read_to = self._log_size()

    def look(self) -> bool:
        """Whether the server should be started again: it failed to write, and now it could."""
        room = self._room(self._directory)
        self.failed = self.failed or room < FULL_BYTES or FAILURES.search(self._news()) is not None
        return self.failed and room >= ROOM_BYTES

    def _log_size(self) -> int:
        try:
            return os.path.getsize(self._log_path)
        except OSError:
            return 0

    def _news(self) -> bytes:
        size = self._log_size()
        if size < self._read_to:  # begun anew: it was too long
            self._read_to = 0
        if size == self._read_to:
            return b""
        try:
            with open(self._log_path, "rb") as file:
                file.seek(max(self._read_to, size - READ_BYTES_MAX))
                news = file.read(READ_BYTES_MAX)
        except OSError:
            return b""
        self._read_to = size
        return news
