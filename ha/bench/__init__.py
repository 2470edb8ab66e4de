"""``python -m ha.bench``: what two nodes do on this machine, measured, beside other servers if one likes.

Purpose
    Figures that can be believed and repeated: throughput, latency, CPU per operation, memory, and how far the second
    node is behind, for the things clients do; beside them other servers in the same rounds, and the raw limits.

The walk
    ``__main__`` reads the options, starts two nodes (:mod:`ha.bench.cluster`) as an operator would, finds what else is to be
    driven (:mod:`ha.bench.servers`), and takes the workloads (:mod:`ha.bench.workloads`) one by one, each on every server in
    turn (:mod:`ha.bench.rounds`). The load comes from a process of its own: pgbench where it is installed
    (:mod:`ha.bench.pgbench`), else :mod:`ha.bench.load`. What is done once: :mod:`ha.bench.memory` holds connections and
    slow readers, :mod:`ha.bench.bulk` copies, :mod:`ha.bench.catchup` puts messages into the log, :mod:`ha.bench.newcomer`
    joins. The limits are :mod:`ha.bench.limit`, the node without its doors, and :mod:`ha.bench.raw`, SQLite and JetStream
    alone. :mod:`ha.bench.processes` reads CPU and memory from ``/proc``; :mod:`ha.bench.report` prints, and
    :mod:`ha.bench.plot` draws. ``wire`` is a run of its own, the PostgreSQL door beside a PostgreSQL, and so is
    ``python -m ha.bench.inside``, its sessions without a network.

State
    A temporary folder, removed at the end. Nothing is kept between runs but what ``--json`` and ``--svg`` write.

May import
    The standard library, and of the house only what names a node's programs; :mod:`ha.bench.limit` and ``inside`` import the node
    that they measure, :mod:`ha.bench.raw` apsw, :mod:`ha.bench.catchup` the format of messages. No client library: it
    would be what is measured, so :mod:`ha.bench.pgsocket` and :mod:`ha.bench.natssocket` write bytes themselves.

Decisions and their price
    Load and nodes share the machine, so a figure says what the machine does, not what a node could do alone; CPU per
    operation is what can be compared between machines and hours. The driver in Python costs about half of what the node
    does per operation: pgbench's figures and its own do not compare. The lag is looked for in the two files, so it
    counts from the first node's COMMIT, and is exact to the few milliseconds between two looks.
"""
