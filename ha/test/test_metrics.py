"""What is counted, and how it is told."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families
from twisted.trial.unittest import SynchronousTestCase

from ha.metrics import Metrics


def told(metrics: Metrics) -> dict[str, float]:
    """Every sample of the exposition, by name and labels."""
    samples = {}
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            samples[f"{sample.name}{{{labels}}}"] = sample.value
    return samples


class MetricsTests(SynchronousTestCase):
    """Counting, and reading it as Prometheus does."""

    def test_a_counter_grows(self) -> None:
        """By one or by more."""
        metrics = Metrics()
        counter = metrics.counter("ha_things_total", "Things.")
        counter.inc()
        counter.inc(2)
        metrics.counter("ha_others_total", "Counted by another.", lambda: 5)
        self.assertEqual((told(metrics)["ha_things_total{}"], told(metrics)["ha_others_total{}"]), (3, 5))

    def test_labels_make_members_of_one_metric(self) -> None:
        """Asked for again, the same one is given."""
        metrics = Metrics()
        metrics.counter("ha_things_total", "Things.", kind="a").inc()
        metrics.counter("ha_things_total", "Things.", kind="b").inc(5)
        metrics.counter("ha_things_total", "Things.", kind="a").inc()
        samples = told(metrics)
        self.assertEqual((samples["ha_things_total{kind=a}"], samples["ha_things_total{kind=b}"]), (2, 5))

    def test_a_gauge_is_set_or_asks(self) -> None:
        """The owner of a number keeps it; nobody copies it."""
        metrics = Metrics()
        waiting = [1, 2, 3]
        metrics.gauge("ha_waiting", "Those who wait.", lambda: len(waiting))
        level = metrics.gauge("ha_level_bytes", "The level.")
        level.set(7)
        level.inc()
        level.dec(3)
        waiting.append(4)
        samples = told(metrics)
        self.assertEqual((samples["ha_waiting{}"], samples["ha_level_bytes{}"]), (4, 5))

    def test_a_histogram_counts_into_buckets(self) -> None:
        """Cumulated, a bound belonging to its own bucket."""
        metrics = Metrics()
        histogram = metrics.histogram("ha_wait_seconds", "Waits.", (0.1, 1.0))
        for value in (0.05, 0.1, 0.5, 30.0):
            histogram.observe(value)
        samples = told(metrics)
        buckets = [samples[f"ha_wait_seconds_bucket{{le={bound}}}"] for bound in ("0.1", "1.0", "+Inf")]
        self.assertEqual(buckets, [2, 3, 4])
        self.assertEqual(samples["ha_wait_seconds_count{}"], 4)
        self.assertAlmostEqual(samples["ha_wait_seconds_sum{}"], 30.65)

    def test_two_nodes_count_apart(self) -> None:
        """Nothing is global."""
        one, other = Metrics(), Metrics()
        one.counter("ha_things_total", "Things.").inc()
        self.assertNotIn("ha_things_total{}", told(other))
