-- The tables that a node keeps in every database file, so that they commit with the rows. Version 4.
--
-- ha_stats is read by replicas that are not ours: its name and columns are fixed (docs/replication.rst).
-- The others are ours alone. None of them is ever on the log; a backup carries them.

-- How far the log is applied in this file.
CREATE TABLE IF NOT EXISTS main.ha_stats (
    subject TEXT UNIQUE,
    received_seq INTEGER,
    updated_at DATETIME
);

-- The last group applied of each process that ever wrote: a message that the log stored twice is applied once.
CREATE TABLE IF NOT EXISTS main.ha_origins (
    node TEXT NOT NULL,
    process_id INTEGER NOT NULL,            -- start of the process, Unix ns
    last_group INTEGER NOT NULL,
    PRIMARY KEY (node, process_id)
) WITHOUT ROWID;

-- Groups committed while the log was out of reach, in their order.
CREATE TABLE IF NOT EXISTS main.ha_outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,   -- never used twice: the order of the outbox is the order of commits
    message_id TEXT NOT NULL UNIQUE,        -- Nats-Msg-Id
    body BLOB NOT NULL,                     -- the message, encoded
    undo BLOB,                              -- what its last application did to this file
    sent INTEGER NOT NULL DEFAULT 0,        -- 1: a copy may be on its way; it is not merged with others any more
    created_ns INTEGER NOT NULL             -- Unix ns
);

-- What a message of the outbox touches, so that only those are undone that others met: sets of ha.sqlite.touches' numbers.
-- One without a row here is looked at when it is needed.
CREATE TABLE IF NOT EXISTS main.ha_touches (
    id INTEGER PRIMARY KEY,                 -- of ha_outbox
    writes BLOB NOT NULL,
    refers BLOB NOT NULL
);

-- Row images that lost their place to somebody else's, complete enough to put back.
CREATE TABLE IF NOT EXISTS main.ha_conflicts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    created_ns INTEGER NOT NULL,            -- Unix ns, when it was noticed here
    reason TEXT NOT NULL,                   -- overwritten, displaced, orphaned, unfit
    "table" TEXT NOT NULL,
    key TEXT NOT NULL,                      -- JSON, as the image
    operation TEXT NOT NULL,                -- of the loser: INSERT, UPDATE, DELETE
    image TEXT,                             -- the losing change as it stood in its message, JSON
    loser_node TEXT,
    winner_node TEXT,
    winner_seq INTEGER,                     -- position of the winner on the log
    restored_ns INTEGER                     -- when somebody put it back
);

-- Messages that could not be applied and were passed over, because an operator said so.
CREATE TABLE IF NOT EXISTS main.ha_quarantine (
    sequence INTEGER PRIMARY KEY,           -- its position on the log
    created_ns INTEGER NOT NULL,            -- Unix ns, when it was passed over
    reason TEXT NOT NULL,                   -- why it could not be applied
    message_id TEXT NOT NULL,
    body BLOB NOT NULL
);

-- Virtual tables that both sides wrote to, and that keep nothing of their rows: what the later side wrote was left out.
CREATE TABLE IF NOT EXISTS main.ha_unmerged (
    name TEXT PRIMARY KEY NOT NULL,
    reason TEXT NOT NULL
);

-- Which log this file belongs to. One row; cluster_id is NULL in a file that was never in a cluster.
CREATE TABLE IF NOT EXISTS main.ha_cluster (
    version INTEGER NOT NULL,               -- of this schema
    stream TEXT,
    cluster_id TEXT,
    epoch INTEGER
);
