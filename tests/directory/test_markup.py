"""XML of strangers is read within bounds, and what we write can be read again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory import markup
from directory.markup import BadMarkup, Element, parse, render

LAUGHS = b"""<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><l>&b;</l>"""


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"no xml",
        b"<a>",
        b"<a></b>",
        b"<a/><b/>",
        b"<a>&undefined;</a>",
        b"<x:a/>",
        b"<a>\x00</a>",
        b'<?xml version="1.0" encoding="utf-9"?><a/>',
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>',
        LAUGHS,
        b"<a>" * (markup.MAX_DEPTH + 1) + b"</a>" * (markup.MAX_DEPTH + 1),
        b"<a>" + b"<b/>" * markup.MAX_ELEMENTS + b"</a>",
        b"<a " + b" ".join(b'b%d=""' % n for n in range(markup.MAX_ATTRIBUTES + 1)) + b"/>",
        b"<a>" + b" " * markup.MAX_BYTES + b"</a>",
    ],
)
def test_a_document_that_is_not_plain_is_refused(document: bytes) -> None:
    with pytest.raises(BadMarkup):
        parse(document)


def test_names_come_with_their_namespace_and_attributes_without_one_stay_bare() -> None:
    read = parse(b'<p:a xmlns:p="urn:p" xmlns="urn:d" k="v" p:q="r"><b>one</b>t<b/></p:a>')
    assert read == Element("{urn:p}a", (Element("{urn:d}b", text="one"), Element("{urn:d}b")), "t", {"k": "v", "{urn:p}q": "r"})
    assert read.word("{urn:d}b") == "one"
    assert read.word("{urn:d}c", "x") == ""


def test_a_namespace_that_only_the_peer_knows_is_declared_where_it_stands() -> None:
    odd = Element("{urn:own}a", (Element('{urn:"<odd>}b', (Element("{urn:own}c"),)),))
    assert parse(render(odd, {"urn:own": ""})) == odd


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=20)
attributes = st.dictionaries(st.just("k"), texts)
elements = st.recursive(
    st.builds(Element, st.sampled_from(["{urn:a}x", "{urn:b}y"]), text=texts),
    lambda inner: st.builds(Element, st.just("{urn:a}z"), st.lists(inner, max_size=4).map(tuple), attributes=attributes),
    max_leaves=10,
)


@given(elements)
def test_what_is_written_is_read_again(tree: Element) -> None:
    assert parse(render(tree, {"urn:a": "", "urn:b": "b"})) == tree


@given(st.binary(max_size=200))
def test_any_octets_are_read_or_refused(document: bytes) -> None:
    try:
        parse(document)
    except BadMarkup:
        pass


@given(st.text(max_size=30))
def test_any_text_can_be_written(text: str) -> None:
    parse(render(Element("a", text=text, attributes={"b": text}), {}))
