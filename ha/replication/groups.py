"""The groups of one process: their numbers, and the messages they become. [pure]"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from ha.replication.change import Change, Message, Notification
from ha.sqlite.rowchange import joined

#: A message ends at so many transactions, or so many messages of the outbox ...
GROUP_TRANSACTIONS_MAX = 512

#: ... or so many bytes.
GROUP_BYTES_MAX = 256 * 1024

#: One transaction's part of a group: its changes, the sequences it moved, its notifications.
Part = tuple[Sequence[Change], dict[str, int | None], Sequence[Notification]]


@dataclass(frozen=True, slots=True)
class Origin:
    """Who writes: the node's name, and when its process opened the database, in ns."""

    node: str
    process_id: int


class Groups:
    """Numbers the groups of one process on one database, and makes their messages."""

    def __init__(self, origin: Origin, filename: str) -> None:
        self.origin = origin
        self._filename = filename
        self._last = 0
        self._transactions = 0

    def message(
        self,
        position: int,
        parts: Sequence[Part],
    ) -> Message:
        """The message of the next group: each part is one transaction's changes, sequences and notifications."""
        self._last += 1
        transactions = []
        sequences: dict[str, int | None] = {}
        notifications: list[Notification] = []
        for part_changes, part_sequences, part_notifications in parts:
            self._transactions += 1
            transactions.append((str(self._transactions), len(part_changes)))
            sequences.update(part_sequences)
            notifications += part_notifications
        return Message(
            node=self.origin.node,
            process_id=self.origin.process_id,
            filename=self._filename,
            group=self._last,
            snapshot_seq=position,
            timestamp_ns=time.time_ns(),
            changes=joined([part[0] for part in parts]),
            transactions=tuple(transactions),
            sequences=sequences,
            notifications=tuple(notifications),
        )


def message_id(message: Message) -> str:
    """Never used twice, whatever crashes: the process's start is part of it."""
    return f"{message.node}:{message.process_id}:{message.group}"
