"""A replicated SQLite server: HTTP and PostgreSQL clients, any node takes writes, one NATS JetStream log.

The map of the house. Each package's own docstring tells its room; docs/architecture.rst walks through them.

::

    tap          arguments and environment to a running node; the only user of the reactor
    command      the console script: what an operator asks of a running node
    settings     the options: one table                                                     [pure]
    node         all parts assembled: ordered start and stop
    premises     what a node holds: databases by name, copies, snapshots, conflicts, readiness
    backend      runs one client's statements in one database; both doors meet here
    instructions what a client says to its session: BEGIN, SET, LISTEN ...
    judgement    what a connection makes of a statement, found once
    shortcut     reads that nothing must be waited for, answered at once
    writing      statements that write, whichever way they must go
    procedure    DO: its steps inside one transaction
    batch        several commands as one transaction
    stream       the rows of an answer that come later
    block        a client's open transaction, from its BEGIN to its end
    spares       backends between two requests, which need not be made anew
    company      who is connected, what each does, and how one may stop another               [pure]
    auth         who may call over HTTP, and what a browser may do on somebody's behalf       [pure]
    errors       what a client is told when a statement cannot be done                      [pure]
    values       the plain values that pass between the doors and the database              [pure]
    crowd        who goes when a door's places run out
    hearing      what both doors do with their sockets past the transport
    coroutines   coroutines that nearly always end without waiting
    tls          certificates for the doors
    metrics      what is counted, and how it is told to Prometheus
    logs         what is said on the log: the libraries' words, long work's progress
    postgres/    the front door: PostgreSQL clients
    web/         the side door: HTTP
    sql/         understanding SQL text                                                     [pure]
    sqlite/      the cellar: rows at rest; the only user of apsw
    replication/ how nodes come to agree; the only user of nats
    bench/       python -m ha.bench: what two nodes do, measured
    test/        one test module per module; test/integration/ starts real nodes

Imports look downward only: tap, node, the doors and replication, sqlite. The doors know the backend through a
Protocol that they declare themselves. [pure] modules import the standard library and each other. Inside,
coroutines await Twisted's Deferreds; reactor and clock are arguments.
"""

__version__ = "0.1.0"
