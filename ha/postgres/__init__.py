"""The front door: PostgreSQL's protocol 3, for clients that believe they speak with PostgreSQL 15.

Purpose
    To carry one client's statements to a backend and its answers back, in the very bytes that thirty real clients expect.
    Meaning is not here: what a statement is, the backend knows; what SQLite makes of it, nobody in this package asks.

The walk
    ``server`` receives bytes and gives them to its ``session``; the ``decoder`` cuts them into messages (``messages``: what all
    share, ``questions``: the client's, ``answers``: ours); the gate says what the phase does with each; a method runs it, asks
    the backend, and writes the answer, rows by ``shapes``; all answers to one read go back to ``server`` and leave in one send.
    ``pgtypes`` knows what types there are, ``encoding`` and ``decoding`` every value's text and binary form (with ``moments``,
    ``numerals`` and ``nested``), ``portals`` what a client has named, ``copy`` the formats of COPY, ``scram`` how to log in,
    ``sqlstate`` the names of errors. What a session holds between two messages is its ``conversation``, on which ``extended`` (the
    extended protocol), ``named`` (statements and cursors by name) and ``copying`` (COPY) work; ``door`` says what stands on either
    side of it, ``startup`` reads what a client asks for when it connects.

State
    The session: phase, prepared statements, portals, a COPY under way. The factory: its connections, and the cancel keys.
    Settings and transactions are the backend's. Nothing here survives the connection.

May import
    The standard library, ``ha.errors``, ``ha.values``, ``ha.sql.kinds``, ``ha.sql.made``; Twisted only in ``server``, which also asks
    cryptography for a certificate's hash. Not SQLite, not the log, not the backend: it comes through ``connect``.

Decisions and their price
    The protocol is written here and not taken from a library: it is what this house exists for. Bytes that nothing waits
    before go straight to the socket, past Twisted's buffer: a third of the price for each answer, and a page of care in
    ``server``. Row encoders are generated text, compiled once for each shape: twice as fast, and harder to step through.
    The declared types of columns are the whole schema of types: nothing is stored beside the rows, and a column declared
    wrongly is announced wrongly. A type that a client made comes as words that tell all of it (``ha.sql.made``), and its number tells
    how it is written.
"""
