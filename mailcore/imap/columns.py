"""Pieces of FETCH answers made by the column, from bundles of messages. RFC 9051 §7.5.2. See store/bundles.py for what those are."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, groupby
from operator import itemgetter

from mailcore.imap import fetching
from mailcore.imap.commands import Attribute, Body, Item
from mailcore.imap.responses import literal
from mailcore.message import section
from mailcore.message.section import Section
from mailcore.message.types import Fields
from mailcore.store.bundles import FACES, FIELDS, Bundle, FacesBundle, FieldsBundle, Opened
from mailcore.store.bundles import SHIFT as BUNDLE_SHIFT

Row = tuple[int, int, int, int]  # UID, message id, internal date, saved date
Column = Callable[["Bunch"], list[bytes]]


@dataclass(slots=True)
class Bunch:
    """Messages of one bundle: their rows, and their places in it. `faces` and `fields` as far as they were asked for."""

    faces: FacesBundle | None = None
    fields: FieldsBundle | None = None
    rows: list[Row] = field(default_factory=list)
    places: list[int] = field(default_factory=list)

    @property
    def first(self) -> Bundle:
        """Return one of them: each has the ids and sizes of all its messages."""
        bundle = self.faces if self.faces is not None else self.fields
        assert bundle is not None
        return bundle


def kinds(needs: fetching.Needs, items: Sequence[Item]) -> tuple[int, ...]:
    """Return the kinds of bundles that answer these items, none when bundles cannot."""
    if not needs.several or not needs.beginnings or any(column(item) is None for item in items):
        return ()
    return (FACES,) * needs.summary + (FIELDS,) * needs.header


def bunches(rows: Sequence[Row], opened: Opened, wanted: Sequence[int]) -> list[Bunch]:
    """Return those of these messages that bundles of all wanted kinds know, a bunch for each run within a bundle."""
    found: list[Bunch] = []
    indexes: dict[int, Mapping[int, int]] = {}
    for number, run in groupby(rows, lambda row: row[1] >> BUNDLE_SHIFT):
        bunch = _bunch([opened.get((kind, number)) for kind in wanted])
        if bunch is None:
            continue
        index = indexes.get(number)
        if index is None:
            index = indexes[number] = {message_id: place for place, message_id in enumerate(bunch.first.ids)}
        bunch.rows = [row for row in run if row[1] in index]
        bunch.places = [index[row[1]] for row in bunch.rows]
        found.append(bunch)
    return found


def _bunch(bundles: Sequence[Bundle | None]) -> Bunch | None:
    bunch = Bunch()
    for bundle in bundles:
        if isinstance(bundle, FacesBundle):
            bunch.faces = bundle
        elif isinstance(bundle, FieldsBundle):
            bunch.fields = bundle
        else:
            return None
    return bunch


def column(item: Item) -> Column | None:
    """Return what makes the pieces of an item for a bunch; None when bundles do not have it."""
    if isinstance(item, Attribute):
        return None if item.utf8 else COLUMNS.get(item.name)
    return _cut(item) if isinstance(item, Body) and not item.section.path and item.section.kind.startswith("HEADER") else None


def _faces(name: bytes, chosen: Callable[[FacesBundle], list[bytes]]) -> Column:
    def made(bunch: Bunch) -> list[bytes]:
        assert bunch.faces is not None
        values = chosen(bunch.faces)
        return [name + values[place] for place in bunch.places]

    return made


COLUMNS: dict[str, Column] = {
    "INTERNALDATE": lambda bunch: [b"INTERNALDATE " + fetching.date(row[2]) for row in bunch.rows],
    "SAVEDATE": lambda bunch: [b"SAVEDATE " + fetching.date(row[3]) for row in bunch.rows],
    "RFC822.SIZE": lambda bunch: [b"RFC822.SIZE %d" % size for size in map(bunch.first.sizes.__getitem__, bunch.places)],
    "ENVELOPE": _faces(b"ENVELOPE ", lambda faces: faces.envelopes),
    "BODY": _faces(b"BODY ", lambda faces: faces.bodies),
    "BODYSTRUCTURE": _faces(b"BODYSTRUCTURE ", lambda faces: faces.bodystructures),
}


def _cut(item: Body) -> Column:
    label, cut = fetching.labelled(item), _all if item.section.kind == "HEADER" else _some(item.section)
    if item.partial is None:
        return lambda bunch: [b"%b {%d}\r\n%b" % (label, len(octets), octets) for octets in cut(bunch)]
    part = slice(item.partial[0], sum(item.partial))
    return lambda bunch: [b"%b %b" % (label, literal(octets[part])) for octets in cut(bunch)]


def _some(wanted: Section) -> Column:
    """Return what joins the fields that a section names (or does not name), and a blank line, as `section.selector` does."""
    asked, listed = frozenset(name.lower() for name in wanted.names), wanted.kind == "HEADER.FIELDS"

    def made(bunch: Bunch) -> list[bytes]:
        fields = bunch.fields
        assert fields is not None
        pick = [_picking([place for place, name in enumerate(names) if (name in asked) == listed]) for names in fields.layouts]
        layout_of, found = fields.layout_of, []
        for place, octets in _each(fields, bunch.places):
            joined = b"".join(pick[layout_of[place]](octets))
            found.append(joined + b"\r\n" if joined[-1:] == b"\n" or not joined else joined + b"\r\n\r\n")
        return found

    return made


def _picking(places: Sequence[int]) -> Callable[[Sequence[bytes]], Sequence[bytes]]:
    if len(places) > 1:
        return itemgetter(*places)
    return itemgetter(slice(places[0], places[0] + 1) if places else slice(0))


def _all(bunch: Bunch) -> list[bytes]:
    """Join all fields, and the blank line where there is one, as `section.octets` does."""
    fields = bunch.fields
    assert fields is not None
    return [
        section.octets(Fields([(b"", each) for each in octets], fields.header_bytes[place]))
        for place, octets in _each(fields, bunch.places)
    ]


def _each(fields: FieldsBundle, places: Sequence[int]) -> Iterator[tuple[int, list[bytes]]]:
    """Yield places, each with the octets of its fields."""
    widths = list(map(len, fields.layouts))
    ends = list(accumulate([widths[layout] for layout in fields.layout_of], initial=0))
    for place in places:
        yield place, fields.octets[ends[place] : ends[place + 1]]
