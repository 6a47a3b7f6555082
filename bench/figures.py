"""Figures of interleaved rounds: percentiles, medians, spreads, ratios and bars. Pure."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

BUSY_CLIENT = 0.5  # share of a core beyond which the client may be what limits
NOISY_SPREAD = 0.5  # (largest - smallest) / median; this kind of machine varies x1.5 between minutes


@dataclass(frozen=True, slots=True)
class Measure:
    """One line of the tables: what is measured, and the bars for the ratio ours / peer."""

    key: str
    title: str
    unit: str
    better: Literal["higher", "lower"] = "higher"
    bars: Mapping[str, float] = field(default_factory=dict)  # peer name -> bar
    aims: Mapping[str, float] = field(default_factory=dict)  # peer name -> aim, further than the bar


@dataclass(frozen=True, slots=True)
class Values:
    """The values that the rounds gave for one measure on one server."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle value."""
        return statistics.median(self.values)

    @property
    def spread(self) -> float:
        """How far the rounds lie apart, as a share of the median."""
        return (max(self.values) - min(self.values)) / self.median if self.median else 0.0

    @property
    def noisy(self) -> bool:
        """Whether the rounds disagree so much that the median says little."""
        return self.spread > NOISY_SPREAD


@dataclass(frozen=True, slots=True)
class Row:
    """One measure of ours beside one peer."""

    measure: Measure
    peer_name: str
    ours: Values | None
    peer: Values | None

    @property
    def ratio(self) -> float | None:
        """Ours / peer, by medians; None when one of the two was not measured."""
        if self.ours is None or self.peer is None or not self.peer.median:
            return None
        return self.ours.median / self.peer.median

    @property
    def noisy(self) -> bool:
        """Whether either side is noisy."""
        return any(side is not None and side.noisy for side in (self.ours, self.peer))

    @property
    def ahead(self) -> bool | None:
        """Whether ours is better than the peer at all; None without a ratio."""
        if self.ratio is None:
            return None
        return self.ratio > 1 if self.measure.better == "higher" else self.ratio < 1

    @property
    def bar(self) -> float | None:
        """The ratio that is asked for against this peer; None when none is."""
        return self.measure.bars.get(self.peer_name)

    @property
    def aim(self) -> float | None:
        """The ratio that is aimed at against this peer; None when there is no more than the bar."""
        return self.measure.aims.get(self.peer_name)

    @property
    def met(self) -> bool | None:
        """Whether the ratio meets the bar; None without a bar or a ratio."""
        return self._reaches(self.bar)

    @property
    def aimed(self) -> bool | None:
        """Whether the ratio meets the aim; None without an aim or a ratio."""
        return self._reaches(self.aim)

    def _reaches(self, asked: float | None) -> bool | None:
        if self.ratio is None or asked is None:
            return None
        return self.ratio >= asked if self.measure.better == "higher" else self.ratio <= asked


@dataclass(slots=True)
class Board:
    """Collects values per measure and server in the order they were first seen, and what went wrong."""

    measures: dict[str, Measure] = field(default_factory=dict)
    values: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    client: dict[tuple[str, str], float] = field(default_factory=dict)  # largest share of a core that the load client took

    def add(self, measure: Measure, server: str, value: float | None) -> None:
        """Record one round's value; None is nothing measured."""
        if value is not None:
            self.measures.setdefault(measure.key, measure)
            self.values.setdefault((measure.key, server), []).append(value)

    def last(self, measure: Measure) -> None:
        """Put a measure behind the others: it was taken before them."""
        if measure.key in self.measures:
            self.measures[measure.key] = self.measures.pop(measure.key)

    def share(self, measure: Measure, server: str, share: float) -> None:
        """Record how much of a core the load client took beside a measure."""
        self.client[measure.key, server] = max(share, self.client.get((measure.key, server), 0.0))

    def busy(self) -> list[str]:
        """Name the measures at which the load client took more than BUSY_CLIENT of a core."""
        found = [f"{self.measures[key].title} ({server} {share:.0%})"
                 for (key, server), share in self.client.items() if share > BUSY_CLIENT and key in self.measures]  # fmt: skip
        return [f"the load client took more than {BUSY_CLIENT:.0%} of a core at: {'; '.join(found)}"] if found else []

    def note(self, text: str) -> None:
        """Record a remark once."""
        if text not in self.notes:
            self.notes.append(text)

    def get(self, key: str, server: str) -> Values | None:
        """Return what the rounds gave, or None when this server was not measured."""
        found = self.values.get((key, server))
        return Values(tuple(found)) if found else None

    def rows(self, ours: str) -> list[Row]:
        """Return ours beside every peer that has the measure; without a peer, ours alone."""
        rows: list[Row] = []
        for key, measure in self.measures.items():
            peers = [server for found, server in self.values if found == key and server != ours]
            mine = self.get(key, ours)
            rows += [Row(measure, peer, mine, self.get(key, peer)) for peer in peers or [""]]
        return rows


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` (0 to 1) of the values lie, nearest rank; 0 for none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def milliseconds(values: Sequence[float], share: float) -> float:
    """Return a percentile of seconds as milliseconds."""
    return percentile(values, share) * 1000
