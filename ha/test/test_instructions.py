"""What a client says to its session: settings and notifications."""

from __future__ import annotations

from ha.test.clients import BackendCase

COUNTING = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {}) SELECT i FROM n"
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"


class NotificationTests(BackendCase):
    """LISTEN and NOTIFY."""

    def test_a_listener_hears(self) -> None:
        self.client.run("LISTEN c")
        self.another(pid=9).run("NOTIFY c, 'hello'")
        self.another(pid=9).run("NOTIFY d, 'nobody'")
        self.assertEqual(self.client.heard, [(9, "c", "hello")])

    def test_in_a_block_it_is_said_at_commit(self) -> None:
        self.client.run("LISTEN c")
        other = self.another()
        other.run("BEGIN")
        other.run("NOTIFY c, 'one'")
        self.assertEqual(self.client.heard, [])
        other.run("COMMIT")
        self.assertEqual(len(self.client.heard), 1)

    def test_what_is_rolled_back_is_not_said(self) -> None:
        self.client.run("LISTEN c")
        other = self.another()
        other.run("BEGIN")
        other.run("SAVEPOINT a")
        other.run("NOTIFY c, 'undone'")
        other.run("ROLLBACK TO a")
        other.run("NOTIFY c, 'said'")
        other.run("COMMIT")
        other.run("BEGIN")
        other.run("NOTIFY c, 'undone'")
        other.run("ROLLBACK")
        self.assertEqual([payload for _, _, payload in self.client.heard], ["said"])

    def test_listening_is_undone_too(self) -> None:
        self.client.run("BEGIN")
        self.client.run("LISTEN c")
        self.client.run("ROLLBACK")
        self.another().run("NOTIFY c, 'x'")
        self.assertEqual(self.client.heard, [])

    def test_unlisten(self) -> None:
        for words in ("UNLISTEN c", "UNLISTEN *", "DISCARD ALL"):
            self.client.run("LISTEN c")
            self.client.run(words)
        self.another().run("NOTIFY c, 'x'")
        self.assertEqual(self.client.heard, [])
