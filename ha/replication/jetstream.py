"""JetStream's own questions, as coroutines: the stream, its subjects' ends, its readers.

Every question goes to the stream's leader, never to a follower's direct get, which could be behind.
https://docs.nats.io/reference/reference-protocols/nats_api_reference
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from ha.replication.entry import Consumer, Refused, Rejected, StreamInfo, StreamMissing
from ha.replication.replies import Incoming, Replies

#: Wrong last sequence, in its two wordings, and an id that an atomic batch brings for the second time: in each case
#: another message, or an earlier copy of this one, stands where this one was to go.
REFUSALS = frozenset({10071, 10164, 10201})

STREAM_NOT_FOUND = 10059
STREAM_NAME_IN_USE = 10058
NO_MESSAGE_FOUND = 10037
CONSUMER_NOT_FOUND = 10014

#: Our own marks in the stream's metadata.
CLUSTER, EPOCH, FOUNDER, READY = "ha.cluster", "ha.epoch", "ha.founder", "ha.ready"


def check_error(answer: Mapping[str, Any]) -> None:
    """Raise what an answer of JetStream says went wrong, if anything did.

    :raises Refused: the check on the last sequence failed.
    :raises StreamMissing: no such stream.
    :raises Rejected: anything else.
    """
    error = answer.get("error")
    if not error:
        return
    code, description = error.get("err_code", error.get("code", 0)), error.get("description", "no description")
    if code in REFUSALS:
        raise Refused(description, code)
    if code == STREAM_NOT_FOUND:
        raise StreamMissing(description)
    raise Rejected(description, code)


def stored_sequence(message: Incoming) -> int:
    """The sequence that an acknowledgement of a publish tells.

    :raises LogError: as :func:`check_error`.
    """
    answer = orjson.loads(message.data)
    if "error" in answer:
        check_error(answer)
    return int(answer["seq"])


def stream_config(
    stream: str, subjects: list[str], *, replicas: int, metadata: dict[str, str], **more: Any
) -> dict[str, Any]:
    """A file stream that keeps everything until we trim it.

    No ``max_age``, ``max_bytes``, ``max_msgs``: they could remove a subject's last message, after which its last
    sequence counts as 0 and every checked publish fails, or an old one passes.
    """
    return {
        "name": stream,
        "subjects": subjects,
        "retention": "limits",
        "discard": "old",
        "storage": "file",
        "num_replicas": replicas,
        "max_consumers": -1,
        "max_msgs": -1,
        "max_bytes": -1,
        "max_age": 0,
        "max_msgs_per_subject": -1,
        "max_msg_size": -1,
        "allow_direct": True,
        "metadata": metadata,
    } | more


def _as_ns(time: str) -> int:
    """RFC 3339 as the server writes it, with up to nine digits after the second, as Unix ns."""
    whole, _, rest = time.rstrip("Z").partition(".")
    seconds = datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp()
    return int(seconds) * 1_000_000_000 + int(rest.ljust(9, "0")[:9] or 0)


class JetStream:
    """JetStream's API over one connection.

    :param stream: the stream that all questions but :meth:`ask` are about.
    """

    def __init__(self, replies: Replies, stream: str) -> None:
        self._replies = replies
        self.stream = stream

    def of(self, stream: str) -> JetStream:
        """The same for another stream."""
        return JetStream(self._replies, stream)

    async def ask(self, verb: str, question: Any = None) -> dict[str, Any]:
        """One question under ``$JS.API``.

        :raises LogError: each kind.
        """
        body = b"" if question is None else orjson.dumps(question)
        answer = orjson.loads((await self._replies.ask(f"$JS.API.{verb}", body)).data)
        check_error(answer)
        return answer

    # The stream

    async def create(self, config: dict[str, Any]) -> bool:
        """Create the stream; False when there is one of that name with another configuration.

        Atomic across the cluster. Asked twice with the same configuration it says True twice, so that an answer
        that was lost does no harm.
        """
        try:
            await self.ask(f"STREAM.CREATE.{self.stream}", config)
        except Rejected as error:
            if error.code == STREAM_NAME_IN_USE:
                return False
            raise
        return True

    async def delete(self) -> None:
        """Delete the stream and all it holds."""
        await self.ask(f"STREAM.DELETE.{self.stream}")

    async def info(self) -> StreamInfo:
        """What the stream's leader says about it."""
        answer = await self.ask(f"STREAM.INFO.{self.stream}")
        config, state = answer["config"], answer["state"]
        metadata = config.get("metadata") or {}
        return StreamInfo(
            cluster_id=metadata.get(CLUSTER, ""),
            epoch=int(metadata.get(EPOCH, 0)),
            founder=metadata.get(FOUNDER, ""),
            ready=metadata.get(READY) == "true",
            first_sequence=state["first_seq"],
            last_sequence=state["last_seq"],
            messages=state["messages"],
            size_bytes=state["bytes"],
            created=answer.get("created", ""),
            replicas=config.get("num_replicas", 1),
            leader=(answer.get("cluster") or {}).get("leader", ""),
            subjects=tuple(config.get("subjects") or ()),
        )

    async def names(self) -> list[str]:
        """The last parts of the subjects that hold messages: the databases, by their normalised ids."""
        answer = await self.ask(f"STREAM.INFO.{self.stream}", {"subjects_filter": f"{self.stream}.>"})
        return sorted(subject.removeprefix(f"{self.stream}.") for subject in answer["state"].get("subjects") or ())

    async def mark(self, name: str, value: str) -> None:
        """Set one word of the stream's metadata."""
        config = (await self.ask(f"STREAM.INFO.{self.stream}"))["config"]
        config["metadata"] = (config.get("metadata") or {}) | {name: value}
        await self.ask(f"STREAM.UPDATE.{self.stream}", config)

    async def purge(self, subject: str, below: int | None = None) -> int:
        """Remove a subject's messages, all or those before `below`; how many there were."""
        question: dict[str, Any] = {"filter": subject}
        if below is not None:
            question["seq"] = below
        return int((await self.ask(f"STREAM.PURGE.{self.stream}", question)).get("purged", 0))

    # Messages

    async def _message(self, question: dict[str, Any]) -> dict[str, Any] | None:
        try:
            return (await self.ask(f"STREAM.MSG.GET.{self.stream}", question))["message"]
        except Rejected as error:
            if error.code == NO_MESSAGE_FOUND:
                return None
            raise

    async def last_sequence(self, subject: str) -> int:
        """Where the subject ends; 0 when it holds nothing."""
        message = await self._message({"last_by_subj": subject})
        return int(message["seq"]) if message else 0

    async def first_sequence(self, subject: str) -> int:
        """Where the subject begins; 0 when it holds nothing."""
        message = await self._message({"seq": 1, "next_by_subj": subject})
        return int(message["seq"]) if message else 0

    async def sequence_at(self, subject: str, time_ns: int) -> int:
        """The subject's first message that was stored at that time or later; 0 when there is none."""
        low, high = await self.first_sequence(subject), await self.last_sequence(subject) + 1
        end = high
        while 0 < low < high:
            middle = (low + high) // 2
            message = await self._message({"seq": middle, "next_by_subj": subject})
            if message is None or _as_ns(message["time"]) >= time_ns:
                high = middle
            else:
                low = int(message["seq"]) + 1
        if not low or low >= end:
            return 0
        message = await self._message({"seq": low, "next_by_subj": subject})
        return int(message["seq"]) if message else 0

    async def last_body(self, subject: str) -> bytes | None:
        """The subject's last message."""
        message = await self._message({"last_by_subj": subject})
        return base64.b64decode(message.get("data", "")) if message else None

    # Readers

    async def create_consumer(self, name: str, config: dict[str, Any]) -> None:
        """Create a consumer of that name."""
        question = {"stream_name": self.stream, "config": config | {"name": name}, "action": "create"}
        await self.ask(f"CONSUMER.CREATE.{self.stream}.{name}", question)

    async def delete_consumer(self, name: str) -> bool:
        """Delete a consumer; False when there was none."""
        try:
            await self.ask(f"CONSUMER.DELETE.{self.stream}.{name}")
        except Rejected as error:
            if error.code == CONSUMER_NOT_FOUND:
                return False
            raise
        return True

    async def consumers(self) -> list[Consumer]:
        """Everybody who reads the stream."""
        found: list[Consumer] = []
        while True:
            answer = await self.ask(f"CONSUMER.LIST.{self.stream}", {"offset": len(found)})
            page = answer.get("consumers") or ()
            for one in page:
                config = one["config"]
                found.append(
                    Consumer(
                        name=one["name"],
                        subject=config.get("filter_subject") or ",".join(config.get("filter_subjects") or ()),
                        durable="durable_name" in config,
                        delivered=one["delivered"]["stream_seq"],
                        acknowledged=one["ack_floor"]["stream_seq"],
                        pending=one["num_pending"],
                    )
                )
            if not page or len(found) >= answer.get("total", 0):
                return found
