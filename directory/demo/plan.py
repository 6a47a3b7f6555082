"""How many administrations a country of some size has, and how many people work in each. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from directory.demo.places import MINISTRIES, WILAYAS
from directory.errors import BadEntry

MIN_PEOPLE, MAX_PEOPLE = 20, 1_000_000
STAFF = 2  # each administration has someone who leads it and someone at its registry
COMMUNES, SCHOOLS = 1_541, 18_000
ID_ROOM = 64  # ids kept free for one administration: itself, its units, posts and holdings

# kind: (at least, one more for each so many people, at most, share in a hundred of those beyond STAFF)
_KINDS = {
    "ministry": (4, 100, len(MINISTRIES), 25),
    "wilaya": (1, 300, len(WILAYAS), 15),
    "commune": (1, 250, COMMUNES, 25),
    "school": (1, 150, SCHOOLS, 35),
}


@dataclass(frozen=True, slots=True)
class Administration:
    """The `index`-th administration of its kind, and how many people work there."""

    kind: str
    index: int
    people: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The size of each kind of administration: how many there are, and their people together."""

    seed: int
    people: int
    counts: dict[str, int]
    totals: dict[str, int]

    @property
    def administrations(self) -> int:
        """How many there are in all."""
        return sum(self.counts.values())

    def each(self) -> Iterator[Administration]:
        """Yield every administration: ministries first, then wilayas, communes, schools."""
        for kind, count in self.counts.items():
            even, extra = divmod(self.totals[kind], count)
            for index in range(count):
                yield Administration(kind, index, even + (index < extra))


def plan(seed: int, people: int) -> Plan:
    """Divide `people` among administrations. Raises BadEntry outside MIN_PEOPLE and MAX_PEOPLE."""
    if not MIN_PEOPLE <= people <= MAX_PEOPLE:
        raise BadEntry(f"a demonstration country has between {MIN_PEOPLE} and {MAX_PEOPLE} people", people=people)
    counts = {
        kind: max(least, min(most, least + people // step if kind == "ministry" else people // step))
        for kind, (least, step, most, _) in _KINDS.items()
    }
    others = people - STAFF * sum(counts.values())
    beyond = {kind: others * share // 100 for kind, (_, _, _, share) in _KINDS.items()}
    beyond["ministry"] = max(beyond["ministry"], counts["ministry"])  # everybody can meet a plain civil servant there
    beyond["school"] = others - beyond["ministry"] - beyond["wilaya"] - beyond["commune"]
    return Plan(seed, people, counts, {kind: STAFF * counts[kind] + beyond[kind] for kind in counts})
