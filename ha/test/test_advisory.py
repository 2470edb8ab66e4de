"""Advisory locks between the clients of a node."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite.advisory import Claims, Locks, of


class ClaimTests(SynchronousTestCase):
    """Two clients and a lock."""

    def setUp(self) -> None:
        """Of the same database."""
        locks = Locks()
        self.ann, self.ben = Claims(locks), Claims(locks)

    def take(self, who: Claims, *, shared: bool = False, transaction: bool = False) -> bool:
        """Try, without waiting."""
        return who.take((1,), shared=shared, transaction=transaction, may_wait=None)

    def test_one_holds_it(self) -> None:
        """Until it was given back as often as it was taken."""
        self.assertTrue(self.take(self.ann) and self.take(self.ann))
        self.assertFalse(self.take(self.ben))
        self.ann.release((1,), shared=False)
        self.assertFalse(self.take(self.ben))
        self.ann.release((1,), shared=False)
        self.assertTrue(self.take(self.ben))
        self.assertFalse(self.ann.release((1,), shared=False))

    def test_sharing(self) -> None:
        """Shared locks go together; an exclusive one waits for all of them."""
        self.assertTrue(self.take(self.ann, shared=True) and self.take(self.ben, shared=True))
        self.assertFalse(self.take(self.ann))
        self.ben.release_all()
        self.assertTrue(self.take(self.ann))

    def test_a_transactions_lock(self) -> None:
        """Ends with the transaction, and unlocking all does not touch it."""
        self.take(self.ann, transaction=True)
        self.ann.release_all()
        self.assertFalse(self.take(self.ben))
        self.ann.end_transaction()
        self.assertTrue(self.take(self.ben))

    def test_waiting(self) -> None:
        """Goes on as long as the waiter may."""
        self.take(self.ann)
        turns = iter((True, False))
        self.assertFalse(self.ben.take((1,), shared=False, transaction=False, may_wait=lambda: next(turns)))

    def test_one_set_of_locks_for_a_database(self) -> None:
        """Whoever asks."""
        self.assertIs(of(type(self)), of(type(self)))
