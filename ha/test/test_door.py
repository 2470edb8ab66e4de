"""What a port's sessions share."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ha.postgres.door import Cancels, Gone, Nobody


class CancelsTests(SynchronousTestCase):
    """Only who knows the key may interrupt."""

    def test_keys(self) -> None:
        """A wrong one does nothing, nor does one of a session that has ended."""
        cancels, heard = Cancels(), []
        key = cancels.register(lambda: heard.append(7), 7)
        cancels.cancel(7, b"\0\0\0\0" if key != b"\0\0\0\0" else b"\1\0\0\0")
        cancels.cancel(8, key)
        self.assertEqual(heard, [])
        cancels.cancel(7, key)
        self.assertEqual(heard, [7])
        cancels.forget(7)
        cancels.cancel(7, key)
        self.assertEqual(heard, [7])


class NobodyTests(SynchronousTestCase):
    """The backend of a client that is not in, or not in any more."""

    def test_it_only_ends(self) -> None:
        """Whatever else is asked of it, nobody is there to hear the answer."""
        nobody = Nobody()
        nobody.cancel()
        for ending in (nobody.fail(), nobody.close()):
            self.assertIsNone(self.successResultOf(Deferred.fromCoroutine(ending)))
        self.assertRaises(Gone, lambda: nobody.execute)
