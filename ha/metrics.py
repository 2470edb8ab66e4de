"""What is counted, and how it is told to Prometheus.

One :class:`Metrics` object is made by the assembly and handed to whoever counts; nothing is global. Counting happens on
hot paths, so the numbers are plain attributes, changed in the reactor's thread only, and prometheus_client (which
locks on every increment) is asked for nothing but the text of the answer.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector

#: What :meth:`Metrics.exposition` answers is of this type.
CONTENT_TYPE = CONTENT_TYPE_LATEST.encode("ascii")

#: Upper bounds of durations, in seconds: a point read takes 20 µs, a statement may take its five minutes.
SECONDS = (1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 300.0)

#: Upper bounds of counts of things done together: commands of a batch, transactions of a group.
COUNTS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 1024.0, 4096.0)

#: Label sets of one metric. Labels come from our own small vocabularies; a client's words must never become one.
LABEL_SETS_MAX = 1000


class Counter:
    """How often; it only grows. With `ask`, the owner of the number is asked when somebody looks."""

    __slots__ = ("_value", "ask")

    def __init__(self) -> None:
        self._value = 0.0
        self.ask: Callable[[], float] | None = None

    def inc(self, amount: float = 1) -> None:
        self._value += amount

    @property
    def value(self) -> float:
        return self._value if self.ask is None else self.ask()


class Gauge:
    """How much there is now. With `ask`, the owner of the number is asked when somebody looks."""

    __slots__ = ("_value", "ask")

    def __init__(self) -> None:
        self._value = 0.0
        self.ask: Callable[[], float] | None = None

    def set(self, value: float) -> None:
        self._value = value

    def inc(self, amount: float = 1) -> None:
        self._value += amount

    def dec(self, amount: float = 1) -> None:
        self._value -= amount

    @property
    def value(self) -> float:
        return self._value if self.ask is None else self.ask()


class Histogram:
    """How the observed values spread over `bounds`, and their sum."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value


#: What a family counts with.
Member = Counter | Gauge | Histogram


class Family:
    """One metric: its name, and one counting object for each set of label values."""

    def __init__(self, make: Callable[[], Member], name: str, sentence: str, labels: tuple[str, ...]) -> None:
        self.name = name
        self.sentence = sentence
        self.labels = labels
        self._make = make
        self.members: dict[tuple[str, ...], Member] = {}

    def member(self, values: tuple[str, ...]) -> Member:
        """The counting object for these label values, made when it is first asked for."""
        found = self.members.get(values)
        if found is None:
            assert len(values) == len(self.labels), (self.name, self.labels, values)
            assert len(self.members) < LABEL_SETS_MAX, f"{self.name} has too many label sets"
            found = self.members[values] = self._make()
        return found

    def exposed(self) -> Metric:
        """The family as prometheus_client wants it."""
        kind = type(self._make())
        if kind is Counter:
            counters = CounterMetricFamily(self.name, self.sentence, labels=self.labels)
            for values, one in self.members.items():
                assert isinstance(one, Counter)
                counters.add_metric(values, one.value)
            return counters
        if kind is Gauge:
            gauges = GaugeMetricFamily(self.name, self.sentence, labels=self.labels)
            for values, one in self.members.items():
                assert isinstance(one, Gauge)
                gauges.add_metric(values, one.value)
            return gauges
        histograms = HistogramMetricFamily(self.name, self.sentence, labels=self.labels)
        for values, one in self.members.items():
            assert isinstance(one, Histogram)
            histograms.add_metric(values, _cumulated(one), one.sum)
        return histograms


def _cumulated(histogram: Histogram) -> list[tuple[str, float]]:
    total = 0
    buckets = []
    for bound, count in zip((*map(str, histogram.bounds), "+Inf"), histogram.counts, strict=True):
        total += count
        buckets.append((bound, float(total)))
    return buckets


class Metrics:
    """All the metrics of one node. Asked twice for the same name and labels, it gives the same object.

    Keep what you are given: the look-up costs more than the counting. Every name starts with ``ha_``, says its unit
    (``_seconds``, ``_bytes``), and a counter's ends in ``_total``
    (https://prometheus.io/docs/practices/naming/).
    """

    def __init__(self) -> None:
        self._families: dict[str, Family] = {}
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def counter(self, name: str, sentence: str, ask: Callable[[], float] | None = None, **labels: str) -> Counter:
        """A number that only grows.

        :param ask: where the number lives; else it is counted here.
        """
        assert name.endswith("_total"), name
        member = self._family(Counter, name, sentence, labels)
        assert isinstance(member, Counter)
        if ask is not None:
            member.ask = ask
        return member

    def gauge(self, name: str, sentence: str, ask: Callable[[], float] | None = None, **labels: str) -> Gauge:
        """A number that goes up and down.

        :param ask: where the number lives; else it is `set` here.
        """
        member = self._family(Gauge, name, sentence, labels)
        assert isinstance(member, Gauge)
        if ask is not None:
            member.ask = ask
        return member

    def histogram(self, name: str, sentence: str, bounds: Sequence[float] = SECONDS, **labels: str) -> Histogram:
        """How values spread."""
        member = self._family(lambda: Histogram(bounds), name, sentence, labels)
        assert isinstance(member, Histogram)
        return member

    def _family(self, make: Callable[[], Member], name: str, sentence: str, labels: dict[str, str]) -> Member:
        family = self._families.get(name)
        if family is None:
            assert name.startswith("ha_"), name
            family = self._families[name] = Family(make, name, sentence, tuple(sorted(labels)))
        return family.member(tuple(labels[key] for key in sorted(labels)))

    def collect(self) -> Iterator[Metric]:
        """prometheus_client's side of the bargain: every family as it is now."""
        for family in self._families.values():
            yield family.exposed()

    def exposition(self) -> bytes:
        """Everything counted, in Prometheus' text format (see :data:`CONTENT_TYPE`)."""
        return generate_latest(self._registry)
