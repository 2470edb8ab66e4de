"""What a node does with a file when it meets the log."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ha.replication.join import At, Decision, FileSeen, LogSeen, Step, SubjectSeen, decide

LOG = LogSeen("c1", 2, founder="zoe", founder_is_us=False, ready=True, last=100)
FOUNDING = LogSeen("c1", 1, founder="we", founder_is_us=True, ready=False, last=0)
UNKNOWN = SubjectSeen(first=0, last=0, snapshot=None)
KNOWN = SubjectSeen(first=40, last=90, snapshot=50)
NEW, NEW_WITH_ROWS = FileSeen(rows=False), FileSeen(rows=True)


def member(position: int, at: At = At.OURS, **others: Any) -> FileSeen:
    """A file of the cluster and epoch of ``LOG``."""
    return FileSeen(**{"rows": True, "cluster_id": "c1", "epoch": 2, "position": position, "at_position": at, **others})


class DecisionTests(SynchronousTestCase):
    """Every row of the module's table."""

    def decide(self, log: LogSeen, subject: SubjectSeen, file: FileSeen, **wishes: Any) -> Decision:
        """For a database called my.db; every sentence begins with it."""
        decision = decide("my.db", log, subject, file, **wishes)
        self.assertTrue(decision.sentence.startswith("my.db: "))
        return decision

    def check(self, step: Step, log: LogSeen, subject: SubjectSeen, file: FileSeen, **wishes: Any) -> str:
        """The step, and its sentence."""
        decision = self.decide(log, subject, file, **wishes)
        self.assertEqual(decision.step, step, decision.sentence)
        return decision.sentence

    def test_others_wait_for_the_founder(self) -> None:
        """Row 1: and say for whom."""
        young = LogSeen("c1", 1, founder="zoe", founder_is_us=False, ready=False, last=7)
        for file in (NEW, NEW_WITH_ROWS, member(3)):
            self.assertIn("zoe", self.check(Step.WAIT, young, UNKNOWN, file))

    def test_an_empty_file_of_another_cluster_is_as_good_as_new(self) -> None:
        """Row 2."""
        empty = FileSeen(rows=False, cluster_id="c0", epoch=9, position=500)
        self.check(Step.RESTORE, LOG, KNOWN, empty)
        self.check(Step.SEED, LOG, UNKNOWN, empty)
        self.check(Step.FOUND, FOUNDING, UNKNOWN, empty)

    def test_a_file_of_another_log_with_rows(self) -> None:
        """Rows 3 to 5: another cluster, an older epoch, a newer one. Nobody but the operator decides."""
        for cluster_id, epoch in (("c0", 2), ("c1", 1), ("c1", 3)):
            file = FileSeen(rows=True, cluster_id=cluster_id, epoch=epoch, position=60)
            sentence = self.check(Step.REFUSE, LOG, KNOWN, file)
            self.assertIn("--replace-local", sentence)
            self.assertIn("--reseed", sentence)
            self.check(Step.RESTORE, LOG, KNOWN, file, replace_local=True)
            self.check(Step.RESEED, LOG, KNOWN, file, reseed=True)
            self.check(Step.REFUSE, LOG, UNKNOWN, file, replace_local=True)

    def test_a_founder_with_a_file_of_another_log(self) -> None:
        """Rows 4 and 5: the stream was deleted and made again, by us just now."""
        file = FileSeen(rows=True, cluster_id="c0", epoch=1, position=60)
        self.check(Step.REFUSE, FOUNDING, UNKNOWN, file)
        self.check(Step.RESEED, FOUNDING, UNKNOWN, file, reseed=True)

    def test_the_founder_stores_its_files(self) -> None:
        """Row 6: also when it crashed before, at any point."""
        mine = FileSeen(rows=True, cluster_id="c1", epoch=1, position=1)
        claimed = SubjectSeen(first=1, last=1, snapshot=None, claimant="we", claimant_is_us=True)
        for subject, file in ((UNKNOWN, NEW), (UNKNOWN, NEW_WITH_ROWS), (claimed, NEW_WITH_ROWS), (claimed, mine)):
            self.check(Step.FOUND, FOUNDING, subject, file)

    def test_the_founder_goes_on_after_its_last_snapshot(self) -> None:
        """Crashed between the snapshot and the mark."""
        mine = FileSeen(rows=True, cluster_id="c1", epoch=1, position=1)
        log = LogSeen("c1", 1, founder="we", founder_is_us=True, ready=False, last=1)
        self.check(Step.CATCH_UP, log, SubjectSeen(first=1, last=1, snapshot=1), mine)

    def test_a_name_that_the_cluster_does_not_know(self) -> None:
        """Row 7: brought in, and said loudly, for it may be a misspelt one."""
        for file in (NEW, NEW_WITH_ROWS):
            sentence = self.check(Step.SEED, LOG, UNKNOWN, file, known_names=["users.db", "orders.db"])
            self.assertIn("orders.db, users.db", sentence)

    def test_a_claim_of_ours_is_carried_on(self) -> None:
        """Row 7: we crashed before the snapshot was stored."""
        claimed = SubjectSeen(first=95, last=95, snapshot=None, claimant="we", claimant_is_us=True)
        self.check(Step.SEED, LOG, claimed, NEW_WITH_ROWS)
        self.check(Step.SEED, LOG, claimed, member(0, At.GONE))

    def test_somebody_elses_claim_is_waited_for(self) -> None:
        """Row 8: two nodes bring the same new name at once, and one of them comes first."""
        claimed = SubjectSeen(first=95, last=95, snapshot=None, claimant="zoe")
        for file in (NEW, NEW_WITH_ROWS):
            self.assertIn("zoe", self.check(Step.WAIT, LOG, claimed, file))

    def test_a_joiner_takes_the_clusters_rows(self) -> None:
        """Row 9: if it has none of its own, or the operator lets them go."""
        self.check(Step.RESTORE, LOG, KNOWN, NEW)
        self.assertIn("kept beside", self.check(Step.RESTORE, LOG, KNOWN, NEW_WITH_ROWS, replace_local=True))

    def test_rows_are_never_overwritten_silently(self) -> None:
        """Row 10: the sentence names the way out."""
        self.assertIn("--replace-local", self.check(Step.REFUSE, LOG, KNOWN, NEW_WITH_ROWS))

    def test_the_log_lost_its_tail(self) -> None:
        """Rows 11 to 13: it ends before our position, or somebody else's message stands there."""
        for file in (member(101, At.GONE), member(90, At.OTHER)):
            sentence = self.check(Step.REFUSE, LOG, KNOWN, file)
            self.assertIn("lost messages", sentence)
            self.check(Step.RESEED, LOG, KNOWN, file, reseed=True)
            self.check(Step.RESTORE, LOG, KNOWN, file, replace_local=True)

    def test_catching_up(self) -> None:
        """Row 14: everything after our position is in the log."""
        for position, at in ((90, At.OURS), (60, At.OURS), (50, At.GONE), (45, At.OURS), (40, At.OURS), (95, At.GONE)):
            self.check(Step.CATCH_UP, LOG, KNOWN, member(position, at))
        self.check(Step.CATCH_UP, LOG, SubjectSeen(first=1, last=9, snapshot=None), member(3))

    def test_a_subject_that_somebody_else_emptied(self) -> None:
        """Rows 15 to 17: one node goes on from its file, the others wait for its snapshot."""
        self.check(Step.SEED, LOG, SubjectSeen(first=0, last=0, snapshot=50), member(60, At.GONE))
        self.check(Step.WAIT, LOG, SubjectSeen(first=95, last=95, snapshot=50), member(60, At.GONE))
        self.check(Step.RESTORE, LOG, SubjectSeen(first=95, last=95, snapshot=95), member(60, At.GONE))

    def test_too_far_behind(self) -> None:
        """Row 15: the log was trimmed past us."""
        self.check(Step.RESTORE, LOG, KNOWN, member(39, At.GONE))
        self.check(Step.RESTORE, LOG, SubjectSeen(first=0, last=0, snapshot=50), member(30, At.GONE))

    def test_too_far_behind_and_no_snapshot(self) -> None:
        """Row 16."""
        self.check(Step.REFUSE, LOG, SubjectSeen(first=40, last=90, snapshot=None), member(39, At.GONE))

    def test_wishes_change_nothing_where_nothing_is_wrong(self) -> None:
        """A node that is started with them again and again must not restore again and again."""
        self.check(Step.CATCH_UP, LOG, KNOWN, member(60), replace_local=True, reseed=True)
