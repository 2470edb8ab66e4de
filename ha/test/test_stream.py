"""Rows that come after an answer's first batch."""

from __future__ import annotations

from ha.sqlite.database import READERS_MAX
from ha.test.clients import BackendCase

COUNTING = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {}) SELECT i FROM n"
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"


class StreamTests(BackendCase):
    """Results whose rows come in batches."""

    def test_all_rows_come(self) -> None:
        answer = self.client.run(COUNTING.format(1000), rows_max=300)
        rows = list(answer.rows)
        assert answer.rest is not None
        last = False
        while not last:
            more, last = self.client.wait(answer.rest.next(0))
            rows += more
        self.assertEqual([row[0] for row in rows], list(range(1, 1001)))

    def test_a_closed_stream_gives_its_connection_back(self) -> None:
        for _ in range(READERS_MAX + 5):
            answer = self.client.run(COUNTING.format(1000), rows_max=1)
            assert answer.rest is not None
            answer.rest.close()
            answer.rest.close()

    def test_a_stream_ends_with_its_block(self) -> None:
        for end in ("COMMIT", "ROLLBACK", "SELECT nonsense"):
            self.client.run("BEGIN")
            answer = self.client.run(COUNTING.format(1000), rows_max=1)
            self.client.start(self.client.message(end)).addErrback(lambda _: None)
            assert answer.rest is not None
            self.assertEqual(self.client.fails(answer.rest.next(1)).sqlstate, "34000")
            self.client.run("ROLLBACK")

    def test_a_failing_stream_gives_its_connection_back(self) -> None:
        self.client.run("INSERT INTO t VALUES (1, '1'), (2, '2'), (3, 'no json')")
        for _ in range(READERS_MAX + 5):
            answer = self.client.run("SELECT json_extract(a, '$') FROM t ORDER BY id", rows_max=1)
            assert answer.rest is not None
            self.client.fails(answer.rest.next(5))
