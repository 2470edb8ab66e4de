"""Runs of many seeds: none is left out, and what fails is told by its number, even if it takes its process along."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ha.test.seeds import CHUNK, Report, play


def odd_ones_out(seed: int, folder: Path) -> Report:
    """Fails at 13 and 23, and counts."""
    return Report(f"unlucky in {folder.is_dir()}" if seed in (13, 23) else None, Counter(played=1, sum=seed))


def uneventful(seed: int, folder: Path) -> Report:
    """Goes well."""
    return Report()


def deadly(seed: int, folder: Path) -> Report:
    """Ends its process at 13."""
    if seed == 13:
        os._exit(1)
    return Report()


class PlayingTests(SynchronousTestCase):
    """In this process, and in others."""

    def test_each_seed_is_played_once(self) -> None:
        """And what happened is added up."""
        for processes in (1, 2):
            played = play(odd_ones_out, range(5, 42), processes=processes, until_failure=False)
            self.assertEqual(played.seeds, range(5, 42))
            self.assertEqual(played.happened, Counter(played=37, sum=sum(range(5, 42))))
            self.assertEqual(played.failed, {13: "unlucky in True", 23: "unlucky in True"})

    def test_it_ends_at_a_failure(self) -> None:
        """Nobody waits for the rest."""
        played = play(odd_ones_out, range(1_000_000))
        self.assertEqual(list(played.failed), [13])
        self.assertEqual(len(played.seeds), 2 * CHUNK)

    def test_it_ends_when_the_time_is_over(self) -> None:
        """However many there are; but a few are played always."""
        for processes in (1, 2):
            self.assertEqual(len(play(uneventful, range(1_000_000), seconds=-1.0, processes=processes).seeds), 0)
            played = play(uneventful, range(1_000_000), seconds=-1.0, at_least=15, processes=processes)
            self.assertEqual(len(played.seeds), 2 * CHUNK)

    def test_a_process_that_ends_is_a_failure(self) -> None:
        """A crash of SQLite would be one."""
        played = play(deadly, range(10, 40), processes=2)
        self.assertTrue(played.failed)
        self.assertTrue(all("ended itself" in reason for reason in played.failed.values()), played.failed)
        self.assertIn(10, played.failed)
