"""The cellar: rows at rest, and the only user of apsw.

**Purpose.** Everything that is known about SQLite files is known here: opening them so that strangers' SQL can be run,
running it without holding up the reactor, saying what went wrong in PostgreSQL's words, seeing which rows a transaction
changed and putting such changes into another file, copying a file that is in use and replacing one that is not.

**The walk.** :mod:`folder <ha.sqlite.folder>` locks the files and says who the node is.
:mod:`connection <ha.sqlite.connection>` opens them, with a :mod:`guard <ha.sqlite.guard>` that asks SQLite what each
statement would do, and :mod:`schema <ha.sqlite.schema>` makes our own tables. :mod:`database <ha.sqlite.database>` owns
a file's connections and lends them; :mod:`executor <ha.sqlite.executor>` decides where work runs.
:mod:`capture <ha.sqlite.capture>` collects the rows that a transaction changes, :mod:`images <ha.sqlite.images>`
applies such changes, :mod:`ledger <ha.sqlite.ledger>` moves the position in the same transaction.
:mod:`merging <ha.sqlite.merging>` does what MERGE says.
:mod:`functions <ha.sqlite.functions>` and :mod:`catalog <ha.sqlite.catalog>` are what PostgreSQL's clients miss.
What SQLite has no place for is a view of the file: :mod:`comments <ha.sqlite.comments>`, and what clients make, functions,
:mod:`functionviews <ha.sqlite.functionviews>`, and types,
:mod:`typeviews <ha.sqlite.typeviews>`; :mod:`large objects <ha.sqlite.largeobjects>` are rows of a table that the first one makes.
:mod:`backup <ha.sqlite.backup>` copies a running database; :mod:`restore <ha.sqlite.restore>` puts a copy in place.

**State.** Rows, and with them position, outbox and conflicts: in the file. Who holds the writer: ``database``. The
node's identity: a file beside the databases. Facts about statements, and prepared statements: each connection, in
memory, until the schema changes.

**May import.** apsw, Twisted's Deferreds and logger, :mod:`ha.sql`; never a door, the backend or ``ha.replication``.

**Decisions and their price.**

- SQLite is asked, not guessed: what a statement reads, writes and is allowed comes from the authorizer and the prepared
  statement. The price is one preparation (some 10 µs) for each new text.
- Every statement is a client's unless it stands inside ``with guard.trusted():``. Forgetting it costs a refusal, never
  a hole. Clients' statements carry a prepare flag of their own, so that the two never share a prepared statement; that
  costs 0.4 µs per execution.
- What is not on a list (functions, pragmas, virtual table modules) is refused. A harmless newcomer of a newer SQLite
  must be added by hand.
- Dates and times are kept as texts that sort as they do (``ha.sql.calendar``): ``2026-01-02`` in the years that SQLite knows,
  ``/9956 BC 0044-03-15`` before and ``Y0012345-01-02`` after them. No collation is needed, which would shut other programs out of
  the schema; the price is that SQLite's own date functions read nothing in the other years, and that what is cast to text passes through
  a function of ours.
- SQLite does not keep the row that violated a constraint: errors name the constraint and the key's columns, not values.
"""
