"""What a node does with one of its files when it meets the log. [pure]

A node asks the log, looks at its file, and calls :func:`decide`, at start and at every reconnect. The answer is one
:class:`Step` and a sentence for the log and the operator; whoever carries it out calls again afterwards.

The stream holds a cluster id, an epoch and its founder; a file holds the cluster id and epoch it belongs to, and its
position (``ha_cluster``, ``ha_stats``). Within one cluster and epoch positions compare. A database is *known* to
the cluster when its subject has a message or a snapshot exists. Its first message is the claim of the node that
brings it: published checked, with expected last sequence 0, so exactly one node can; until that node's base snapshot
is stored, others wait for it.

The rows are tried from above; the first that holds decides.

== ===================================================================================== ==========
 1 stream not ready, founded by somebody else                                            WAIT
 2 file belongs to another cluster or epoch, has no rows                                 as a new file
 3 file belongs to another cluster or epoch, ``replace_local``, snapshot exists          RESTORE
 4 file belongs to another cluster or epoch, ``reseed``                                  RESEED
 5 file belongs to another cluster or epoch                                              REFUSE
 6 stream not ready, founded by us, no snapshot yet                                      FOUND
 7 file new, database unknown, or claimed by us without a snapshot yet                   SEED
 8 file new, claimed by another node, no snapshot yet                                    WAIT
 9 file new, without rows, or ``replace_local``                                          RESTORE
10 file new, with rows                                                                   REFUSE
11 position beyond the log's end, or another message stands there: ``reseed``            RESEED
12 the same, ``replace_local``, snapshot exists                                          RESTORE
13 the same                                                                              REFUSE
14 position not older than the subject's first message                                   CATCH_UP
15 subject empty, position not older than the snapshot: somebody else trimmed it         SEED
16 position older than the snapshot                                                      RESTORE
17 position not older than the snapshot, the messages after it gone: one will be stored  WAIT
18 no snapshot, and the messages after our position are gone                             REFUSE
== ===================================================================================== ==========

``reseed`` is a standalone node's own right and in a cluster the operator's word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Step(Enum):
    """What to do with the file."""

    FOUND = "found"  #: claim the subject, store our file as its base snapshot; after the last one mark the stream ready
    SEED = "seed"  #: the same for a database that a ready cluster does not know
    RESEED = "reseed"  #: a new epoch for the stream, and our file as its base snapshot
    RESTORE = "restore"  #: take the newest snapshot in place of the file, then catch up
    CATCH_UP = "catch up"  #: follow the log from the file's position
    WAIT = "wait"  #: ask again later
    REFUSE = "refuse"  #: serve nothing from this file; the operator decides


class At(Enum):
    """What stands in the log at the file's position."""

    OURS = "ours"  #: the message that the file applied last
    OTHER = "other"  #: another message, so this is not the log that the file followed
    GONE = "gone"  #: nothing: trimmed, or the position is 0 or beyond the end


@dataclass(frozen=True, slots=True)
class LogSeen:
    """The stream.

    :param founder: name of the node that created it; `founder_is_us` says whether that is this node.
    :param last: sequence of the newest message of any subject; 0 for none.
    """

    cluster_id: str
    epoch: int
    founder: str
    founder_is_us: bool
    ready: bool
    last: int


@dataclass(frozen=True, slots=True)
class SubjectSeen:
    """One database in the stream.

    :param first: sequences of the subject's oldest and newest message; 0 for none.
    :param snapshot: position of the newest snapshot of this cluster and epoch; None for none.
    :param claimant: name of the node that published the subject's first message; matters only without a snapshot.
    """

    first: int
    last: int
    snapshot: int | None
    claimant: str | None = None
    claimant_is_us: bool = False


@dataclass(frozen=True, slots=True)
class FileSeen:
    """The local file.

    :param rows: a table that is not ours has a row.
    :param cluster_id: None for a file that was never in a cluster, or does not exist.
    :param at_position: looked up in the log when the cluster, the epoch and the position are there to be compared.
    """

    rows: bool
    cluster_id: str | None = None
    epoch: int | None = None
    position: int = 0
    at_position: At = At.GONE


@dataclass(frozen=True, slots=True)
class Decision:
    """A step, and why, in one sentence that starts with the database's name."""

    step: Step
    sentence: str


def decide(
    name: str,
    log: LogSeen,
    subject: SubjectSeen,
    file: FileSeen,
    *,
    replace_local: bool = False,
    reseed: bool = False,
    known_names: Sequence[str] = (),
) -> Decision:
    """The table of this module.

    :param name: the database's id.
    :param replace_local: the operator lets the cluster's rows take the place of the file's, which is kept beside.
    :param reseed: the file is the truth and the log starts anew from it.
    :param known_names: the databases the cluster knows, for the sentence that announces a new one.
    """
    if not log.ready and not log.founder_is_us:
        return Decision(Step.WAIT, f"{name}: waiting for node {log.founder} to store the cluster's base snapshots")
    new = file.cluster_id is None
    if not new and (file.cluster_id, file.epoch) != (log.cluster_id, log.epoch):
        if file.rows:
            return _another_log(name, log, subject, file, replace_local=replace_local, reseed=reseed)
        new = True
    if not log.ready and subject.snapshot is None:
        return Decision(Step.FOUND, f"{name}: storing this file as the cluster's first state")
    if new:
        return _new_file(name, subject, file, replace_local=replace_local, known_names=known_names)
    if file.at_position is At.OTHER or file.position > log.last:
        return _lost_tail(name, log, subject, file, replace_local=replace_local, reseed=reseed)
    return _member(name, subject, file)


def _another_log(
    name: str, log: LogSeen, subject: SubjectSeen, file: FileSeen, *, replace_local: bool, reseed: bool
) -> Decision:
    belongs = (
        f"belongs to epoch {file.epoch} of the log, which is at epoch {log.epoch}"
        if file.cluster_id == log.cluster_id
        else f"belongs to cluster {file.cluster_id}, and the log to cluster {log.cluster_id}"
    )
    if replace_local and subject.snapshot is not None:
        return Decision(
            Step.RESTORE, f"{name}: the file {belongs}; it is kept beside, and the cluster's takes its place"
        )
    if reseed:
        return Decision(Step.RESEED, f"{name}: the file {belongs}; the log starts anew from the file")
    return Decision(Step.REFUSE, f"{name}: the file {belongs}; {_CHOICE}")


_CHOICE = (
    "start with --replace-local to take the cluster's rows (the file is kept beside),"
    " or with --reseed to start the log anew from this file"
)


def _new_file(
    name: str, subject: SubjectSeen, file: FileSeen, *, replace_local: bool, known_names: Sequence[str]
) -> Decision:
    if subject.snapshot is None:
        if subject.last == 0:
            known = ", ".join(sorted(known_names)) or "none"
            return Decision(
                Step.SEED, f"{name}: new to this cluster, which knows {known}; bringing it in from this file"
            )
        if subject.claimant_is_us:
            return Decision(Step.SEED, f"{name}: going on with bringing it into the cluster")
        return Decision(Step.WAIT, f"{name}: waiting for node {subject.claimant} to store its base snapshot")
    if not file.rows:
        return Decision(Step.RESTORE, f"{name}: taking the cluster's state at position {subject.snapshot}")
    if replace_local:
        return Decision(
            Step.RESTORE,
            f"{name}: the file is kept beside, and the cluster's state at position {subject.snapshot} takes its place",
        )
    return Decision(
        Step.REFUSE,
        f"{name}: the file holds rows and was never in this cluster, which has a database of this name;"
        " start with --replace-local to take the cluster's (the file is kept beside), or rename the file",
    )


def _lost_tail(
    name: str, log: LogSeen, subject: SubjectSeen, file: FileSeen, *, replace_local: bool, reseed: bool
) -> Decision:
    lost = (
        f"the file is at position {file.position}, where the log holds another message"
        if file.at_position is At.OTHER
        else f"the file is at position {file.position}, and the log ends at {log.last}"
    ) + ": the log lost messages"
    if reseed:
        return Decision(Step.RESEED, f"{name}: {lost}; it starts anew from the file")
    if replace_local and subject.snapshot is not None:
        return Decision(Step.RESTORE, f"{name}: {lost}; the file is kept beside, and the cluster's takes its place")
    return Decision(Step.REFUSE, f"{name}: {lost}; {_CHOICE}")


def _member(name: str, subject: SubjectSeen, file: FileSeen) -> Decision:
    if subject.first and file.position >= subject.first:
        return Decision(Step.CATCH_UP, f"{name}: following the log from position {file.position}")
    # We trim only behind a snapshot, and never the last message. Somebody else did more.
    if subject.snapshot is not None and file.position >= subject.snapshot:
        if subject.first:
            return Decision(
                Step.WAIT,
                f"{name}: the log begins at {subject.first}, behind the newest snapshot; waiting for another one",
            )
        return Decision(Step.SEED, f"{name}: somebody removed all messages; going on from this file")
    if subject.snapshot is not None:
        return Decision(
            Step.RESTORE,
            f"{name}: the file is at position {file.position}, the log begins at {subject.first};"
            f" taking the snapshot at {subject.snapshot}",
        )
    if (subject.last == 0 and file.position == 0) or subject.claimant_is_us:
        return Decision(Step.SEED, f"{name}: going on with bringing it into the cluster")
    return Decision(
        Step.REFUSE,
        f"{name}: the file is at position {file.position}, the log begins at {subject.first} and has no snapshot;"
        " another node must store one first",
    )
