"""What a process counts, in the text that Prometheus reads (exposition format 0.0.4). Labels are bounded: nobody outside makes series.

A family keeps at most MAX_SERIES combinations of labels; what comes later is counted under "other".
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

MAX_SERIES = 200  # of one family: each costs some hundred octets here, and much more in whatever stores it
OTHER = "other"
BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0, 3600.0, 14_400.0, 86_400.0)

Labels = tuple[str, ...]
Sample = tuple[Labels, float]


@dataclass(slots=True)
class Counter:
    """What only grows, by labels."""

    name: str
    said: str
    labels: Labels = ()
    values: dict[Labels, float] = field(default_factory=dict)

    def add(self, *labels: str, by: float = 1) -> None:
        """Count something."""
        key = _bounded(self.values, labels)
        self.values[key] = self.values.get(key, 0) + by

    def lines(self) -> Iterator[str]:
        """Yield the family as text."""
        yield from family(self.name, self.said, "counter", self.labels, self.values.items())


@dataclass(slots=True)
class Histogram:
    """How long things take, by labels, in seconds."""

    name: str
    said: str
    labels: Labels = ()
    counts: dict[Labels, list[int]] = field(default_factory=dict)
    sums: dict[Labels, float] = field(default_factory=dict)

    def observe(self, seconds: float, *labels: str) -> None:
        """Count one length of time."""
        key = _bounded(self.counts, labels)
        counts = self.counts.setdefault(key, [0] * (len(BUCKETS_S) + 1))
        counts[next((n for n, most in enumerate(BUCKETS_S) if seconds <= most), len(BUCKETS_S))] += 1
        self.sums[key] = self.sums.get(key, 0.0) + seconds

    def lines(self) -> Iterator[str]:
        """Yield the family as text."""
        yield from _head(self.name, self.said, "histogram")
        for labels, counts in sorted(self.counts.items()):
            below = 0
            for most, count in zip((*(f"{bucket:g}" for bucket in BUCKETS_S), "+Inf"), counts, strict=True):
                below += count
                yield _line(f"{self.name}_bucket", (*self.labels, "le"), (*labels, most), below)
            yield _line(f"{self.name}_sum", self.labels, labels, self.sums[labels])
            yield _line(f"{self.name}_count", self.labels, labels, below)


def family(name: str, said: str, kind: str, names: Labels, samples: Iterable[Sample]) -> Iterator[str]:
    """Yield a family of samples as text."""
    yield from _head(name, said, kind)
    for labels, value in sorted(samples):
        yield _line(name, names, labels, value)


def _bounded(known: dict[Labels, object] | dict[Labels, float] | dict[Labels, list[int]], labels: Sequence[str]) -> Labels:
    key = tuple(labels)
    return key if key in known or len(known) < MAX_SERIES else (*key[:-1], OTHER)


def _head(name: str, said: str, kind: str) -> Iterator[str]:
    yield f"# HELP {name} {said}"
    yield f"# TYPE {name} {kind}"


def _line(name: str, names: Labels, labels: Labels, value: float) -> str:
    shown = ",".join(f'{label}="{_escaped(said)}"' for label, said in zip(names, labels, strict=True))
    return f"{name}{{{shown}}} {value:g}" if shown else f"{name} {value:g}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
