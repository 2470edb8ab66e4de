"""The side door: HTTP.

Purpose
    Whoever has curl can write and read, take a copy of a database, and ask how the node is.

The walk
    bytes → `exchange.Connection` (`framing` cuts them into heads and bodies) → `exchange.Exchange`, one request →
    `site.Site`: the gate (`ha.auth`), then the table of routes → a page in `query`, `databases` or `status` →
    `Backend` → `respond`: values and errors as JSON → one write, or slices at the client's pace.

State
    None that outlives a request. `site.Site` owns the open connections, their deadlines and the account of bodies in
    memory; every request has a Backend that is new, or that the request before left as it was made (`ha.spares`), so nothing of one
    client's can be seen by the next.

May import
    Twisted, orjson, `ha.auth`, `ha.hearing`, `ha.coroutines`, `ha.metrics`, `ha.errors`, `ha.values`, `ha.sql.statements`. Node and
    Backend are Protocols declared here (`site.Node`, `query.Backend`).

Decisions and their price
    * Requests are cut by `framing`, a page of our own, and there is no tree of resources. twisted.web's HTTPChannel with its
      Request took half of a read's time and asked for a header line by line; `server.Request` above it would read forms that we do not
      want read, and answer errors in HTML. The price is that page: it refuses what could be read in two ways, and equal heads,
      which most programs send, are read once.
    * The body is JSON whatever its Content-Type says, because curl says it is a form. What a browser could be talked
      into sending is stopped by Origin, Sec-Fetch-Site and Host instead.
    * One look a second at all connections instead of timers for each request: deadlines are up to a second late.
    * A result that breaks off after its head was sent ends in a cut connection, because a status cannot be taken back.
    * A batch's results are held whole in memory, for all of it must have succeeded before the first byte (the backend
      bounds them); only the result of a single command is read while it is sent.
"""
