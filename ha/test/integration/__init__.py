"""Tests with real nodes: processes of ``twistd ha`` with their nats-server, driven by real clients.

Purpose
    What only whole processes can show: the walk through the README, two nodes written to at once, starts that
    fail, ends of every kind, and the clients people really use.

The walk
    A test asks :mod:`ha.test.integration.nodes` for nodes, talks to them with psql, curl, psycopg, asyncpg or
    over plain HTTP, and compares the files they leave.

State
    Everything is in a temporary folder and on free ports; each test ends what it started, also when it fails.

May import
    Anything, but of ha only what a client could know. What a node is told, it is told on its command line.

Decisions and their price
    The tests are synchronous: they wait by asking again, with a deadline, because a process cannot be stepped.
    That costs seconds, so what can be tried with plain values is tried in :mod:`ha.test` and not here.
"""
