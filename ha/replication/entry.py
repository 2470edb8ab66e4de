"""What the log hands out, and the ways in which it fails: one exception class for each. [pure]"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of the log.

    A large transaction is stored as several messages, all or none; it is one entry here, whose
    sequence is that of its last message (so the next checked publish expects exactly `sequence`).

    :param sequence: its position in the stream; grows along a subject, with gaps.
    :param message_id: as its publisher chose it, or empty.
    :param timestamp_ns: when the stream stored it, Unix ns by the server's clock.
    :param parts: how many messages it was stored as.
    """

    sequence: int
    message_id: str
    body: bytes
    timestamp_ns: int
    parts: int = 1


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What the stream says about itself.

    :param cluster_id: empty when something else than this program made the stream.
    :param epoch: grows by one each time the log is begun anew from a node's file.
    :param founder: the node that created it, and owes it a base snapshot until `ready`.
    :param created: when, as the server writes it; another value under the same name is another stream.
    """

    cluster_id: str
    epoch: int
    founder: str
    ready: bool
    first_sequence: int
    last_sequence: int
    messages: int
    size_bytes: int
    created: str
    replicas: int
    leader: str
    subjects: tuple[str, ...]

    def is_same_log_as(self, other: StreamInfo) -> bool:
        """Whether both are the same stream at two moments; a stream made again in its place is another."""
        return (self.created, self.cluster_id, self.epoch) == (other.created, other.cluster_id, other.epoch)


@dataclass(frozen=True, slots=True)
class Consumer:
    """Somebody who reads the stream.

    :param durable: whether it outlives its reader. Ours do not.
    :param delivered: the last sequence it was sent.
    :param pending: how many messages it has yet to be sent.
    """

    name: str
    subject: str
    durable: bool
    delivered: int
    acknowledged: int
    pending: int


class LogError(Exception):
    """The log could not do what it was asked."""


class Unreachable(LogError):
    """There is no connection, or nobody who listens: nothing was sent, nothing is stored."""


class Unanswered(LogError):
    """No answer came within the time: it may be stored, now, later or never. Only the log itself can tell."""


class Refused(LogError):
    """The stream did not store the message, for the subject's last sequence was not the expected one.

    An earlier copy of the same message may be the reason, so read the log before concluding anything.

    :ivar code: JetStream's error code.
    """

    def __init__(self, description: str, code: int) -> None:
        super().__init__(description)
        self.code = code


class Rejected(LogError):
    """JetStream answered with an error that is not about the order: no space, no quorum, a bad request.

    :ivar code: JetStream's error code.
    """

    def __init__(self, description: str, code: int) -> None:
        super().__init__(f"{description} ({code})")
        self.code = code


class TooLarge(LogError):
    """The message does not fit, not even in parts: nothing was sent."""


class StreamMissing(LogError):
    """There is no stream of that name."""


class StreamReplaced(LogError):
    """The stream is not the one that was followed: it was deleted and made again, or begun anew."""


class StreamShortened(LogError):
    """The subject's last sequence is behind a position that was reached: the log has lost its tail.

    :ivar last_sequence: where the subject ends now.
    """

    def __init__(self, position: int, last_sequence: int) -> None:
        super().__init__(f"the log ends at {last_sequence}, and position {position} was reached before")
        self.last_sequence = last_sequence


class StreamTrimmed(LogError):
    """What follows the position is not in the stream any more: a snapshot is needed.

    :ivar first_sequence: where the subject begins now.
    """

    def __init__(self, position: int, first_sequence: int) -> None:
        super().__init__(f"the log begins at {first_sequence}, and position {position} was trimmed away")
        self.first_sequence = first_sequence


class SnapshotMissing(LogError):
    """There is no snapshot of that name."""


class SnapshotDamaged(LogError):
    """What was downloaded is not what was uploaded: its size or digest differs."""
