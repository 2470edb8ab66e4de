"""How nodes come to agree: the log is the database.

**Purpose.** Every database has one totally ordered log, the messages on one subject of a JetStream stream. Each node's
file is the result of applying that log up to the position which is stored in the same file and moved in the same SQLite
transaction. This room gives transactions their place in the log, applies what others placed, and sees to it that a file is
only ever put on the log that it belongs to. ``docs/replication.rst`` has the promises and the format.

**The walk.** A write: :mod:`committer <ha.replication.committer>` (or :mod:`transaction <ha.replication.transaction>`, for an
interactive one) runs it, :mod:`groups <ha.replication.groups>` makes the message, :mod:`change <ha.replication.change>` encodes it,
:mod:`settlement <ha.replication.settlement>` has :mod:`order <ha.replication.order>` place it in the log, and commits; out of
reach, it goes to the :mod:`outbox <ha.replication.outbox>`, under which :mod:`rebase <ha.replication.rebase>` puts what others
wrote meanwhile
(where that is long, :mod:`selection <ha.replication.selection>` says what must be undone for it).
A change arriving: :mod:`feed <ha.replication.feed>` →
:mod:`follower <ha.replication.follower>` → SQLite. A database's life: :mod:`member <ha.replication.member>` asks
:mod:`joining <ha.replication.joining>` to do what :mod:`join <ha.replication.join>` decides, with
:mod:`snapshot <ha.replication.snapshot>`, and then opens the :mod:`gate <ha.replication.gate>`;
:mod:`replica <ha.replication.replica>` is the database while it lives. :mod:`upkeep <ha.replication.upkeep>` stores snapshots and
trims behind them. :mod:`log <ha.replication.log>` is JetStream, over the connection that
:mod:`link <ha.replication.link>` keeps (one at a time, each a :mod:`client <ha.replication.natsclient>` of
nats-py), and :mod:`natsd <ha.replication.natsd>` the server we bring along.

**State.** The log and the snapshots: JetStream. Position, outbox, conflicts, the cluster and epoch that a file belongs to:
the file. What a database is doing just now: ``member``, in memory. Groups on their way: ``committer``, in memory;
the log knows what became of them.

**May import.** :mod:`ha.sqlite`, :mod:`ha.sql`, Twisted's Deferreds and logger; nats in ``link`` and ``natsclient`` alone. Never a
door, the backend or the node.

**Decisions and their price.**

- Order first, then commit: a group is published, checked against our position, before it is committed. A refusal costs a rollback and
  running it again; what is acknowledged needs no second opinion.
- A message is a group of transactions, and the batch that is applied may be several: third parties see transaction boundaries only in
  an extra field.
- nats-py's connection is used past its queues and tasks for each message, which cost a lone write a fifth of its processor time and
  apply more than half. The price is two of its private methods, replaced in one small file.
- The stream has no limits of JetStream's own and is trimmed only by us, behind a snapshot, because the last message of a subject must
  never go. The price is a schedule of ours.
- A log that begins anew is a new stream and a new epoch: positions of different epochs do not compare. All databases of the
  stream begin anew with it.
- While it is not certain that the log is the right one, it counts as out of reach. A reconnect costs some ten questions.
"""
