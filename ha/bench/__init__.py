"""``python -m ha.bench``: what two nodes do on this machine, measured.

Purpose
    Figures that can be believed and repeated: throughput, latency, CPU per operation, memory, and how far the second
    node is behind, for the things clients do; beside them the limit, the same work without the wire.

The walk
    ``__main__`` reads the options, starts two nodes (:mod:`ha.bench.cluster`) as an operator would, and takes the
    workloads (:mod:`ha.bench.workloads`) one by one. Each is driven from a process of its own: pgbench where it is
    installed (:mod:`ha.bench.pgbench`), else :mod:`ha.bench.load`. :mod:`ha.bench.processes` reads CPU and memory from
    ``/proc``, :mod:`ha.bench.memory` holds connections and slow readers, :mod:`ha.bench.limit` is the process without
    the wire, :mod:`ha.bench.report` prints.

State
    A temporary folder, removed at the end. Nothing is kept between runs but the JSON that ``--json`` writes.

May import
    The standard library, and of the house only what names a node's programs; :mod:`ha.bench.limit` imports the node
    whose limit it looks for. No client library: it would be what is measured, so the drivers write bytes themselves.

Decisions and their price
    Load and nodes share the machine, so a figure says what the machine does, not what a node could do alone. The
    driver in Python costs about as much per operation as the node: pgbench's figures and its own do not compare.
"""
