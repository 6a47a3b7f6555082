import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing import der
from signing.der import BadDer, Element

trees = st.recursive(
    st.tuples(st.sampled_from([der.INTEGER, der.OCTET_STRING, der.NULL, 0x80]), st.binary(max_size=300)),
    lambda inner: st.tuples(st.sampled_from([der.SEQUENCE, der.SET, 0xA0]), st.lists(inner, max_size=4)),
    max_leaves=12,
)


def written(tree: tuple) -> bytes:
    tag, content = tree
    return der.write(tag, content) if isinstance(content, bytes) else der.write(tag, *map(written, content))


def walked(element: Element) -> tuple:
    if element.tag & 0x20:
        return element.tag, [walked(child) for child in element.children()]
    return element.tag, element.octets


@given(trees)
def test_what_is_written_reads_back(tree: tuple) -> None:
    assert walked(der.read(written(tree))) == tree


@given(trees, st.data())
def test_every_truncation_is_refused(tree: tuple, data: st.DataObject) -> None:
    octets = written(tree)
    with pytest.raises(BadDer):
        der.read(octets[: data.draw(st.integers(0, len(octets) - 1))])


@given(st.binary(max_size=60))
def test_arbitrary_octets_raise_nothing_but_bad_der(octets: bytes) -> None:
    try:
        walked(der.read(octets))
    except BadDer:
        pass


@pytest.mark.parametrize("reader", [der.integer, der.oid, der.time, der.bits])
@given(tag=st.sampled_from([2, 3, 6, 0x17, 0x18]), content=st.binary(max_size=20))
def test_value_readers_raise_nothing_but_bad_der(reader, tag: int, content: bytes) -> None:
    try:
        reader(der.read(der.write(tag, content)))
    except BadDer:
        pass


@given(st.integers())
def test_integers_read_back(value: int) -> None:
    assert der.integer(der.read(der.write_integer(value))) == value


@given(st.integers(0, 2), st.integers(0, 39), st.lists(st.integers(0, 2**60), max_size=6))
def test_object_identifiers_read_back(first: int, second: int, rest: list[int]) -> None:
    dotted = ".".join(map(str, [first, second, *rest]))
    assert der.oid(der.read(der.write_oid(dotted))) == dotted


@given(st.integers(0, 253_402_300_799))
def test_times_read_back_on_both_sides_of_2050(seconds: int) -> None:
    assert der.time(der.read(der.write_time(seconds * 1_000_000))) == seconds * 1_000_000


def test_times_change_form_in_2050() -> None:
    assert der.write_time(2_524_607_999_000_000) == b"\x17\x0d491231235959Z"
    assert der.write_time(2_524_608_000_000_000) == b"\x18\x0f20500101000000Z"


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"", "nothing"),
        (b"\x04", "no length"),
        (b"\x04\x80\x00\x00", "indefinite length"),
        (b"\x04\x81\x7f" + b"a" * 127, "long form for a short length"),
        (b"\x04\x82\x00\x80" + b"a" * 128, "leading zero in a length"),
        (b"\x04\x85\x00\x00\x00\x00\x01a", "five octets of length"),
        (b"\x04\x02a", "cut short"),
        (b"\x04\x01ab", "octets after the end"),
        (b"\x1f\x01\x00", "tag above 30"),
    ],
)
def test_what_is_not_der_is_refused(octets: bytes, why: str) -> None:
    with pytest.raises(BadDer):
        der.read(octets)


@pytest.mark.parametrize("content", [b"", b"\x00\x01", b"\xff\x80"])
def test_integers_must_be_minimal(content: bytes) -> None:
    with pytest.raises(BadDer):
        der.integer(der.read(der.write(der.INTEGER, content)))


def test_lengths_that_end_in_0x80_are_lengths() -> None:
    """Another library takes 04 82 01 80 for an indefinite length."""
    octets = b"s" * 384
    assert der.write_octets(octets)[:4] == b"\x04\x82\x01\x80"
    assert der.read(der.sequence(der.write_octets(octets))).octets == der.write_octets(octets)


def test_a_set_is_written_in_order() -> None:
    assert der.set_of(b"\x04\x01b", b"\x04\x01a") == b"\x31\x06\x04\x01a\x04\x01b"


def test_too_much_is_refused_before_it_is_read() -> None:
    with pytest.raises(BadDer):
        der.read(der.write_octets(bytes(der.MAX_BYTES)))
