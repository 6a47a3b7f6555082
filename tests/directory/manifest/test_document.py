import base64
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.clock import SECOND_US
from directory.manifest import document, jws
from directory.manifest.document import Body, Freshness, opened
from directory.manifest.errors import BadManifest
from tests.directory.manifest.keys import SigningKey

KEY, OTHER = SigningKey(), SigningKey()
NOW_US = 1_800_000_000 * SECOND_US


def body(serial: int = 1, previous: str = "", issued_us: int = NOW_US, **changes: object) -> Body:
    made = Body(1, "demo", serial, issued_us, dict(document.VALID_S), previous, [KEY.written], {"topology": document.part(b"[]")})
    return msgspec.structs.replace(made, **changes)


def read(octets: bytes, *keys: SigningKey) -> document.Signed:
    return opened(octets, [key.written for key in keys or (KEY,)], "demo")


def test_a_document_opens_under_the_key_that_signed_it() -> None:
    assert read(KEY.document(body()), OTHER, KEY).body == body()


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (OTHER.document(body()), "no key that we trust"),
        (KEY.document(body(nation="elsewhere")), "it is of 'elsewhere'"),
        (KEY.document(body(format=2)), "upgrade"),
        (b"", "three parts"),
        (b"a.b", "three parts"),
        (b"a.b.c.d", "three parts"),
        (b"!.!.!", "base64url"),
        (b"e30.e30.e30", "well formed"),
        (b"x" * (document.MAX_DOCUMENT_BYTES + 1), "too large"),
    ],
)
def test_what_must_not_be_believed_is_refused_with_the_reason(octets: bytes, why: str) -> None:
    with pytest.raises(BadManifest, match=why):
        read(octets)


@pytest.mark.parametrize("header", [{"alg": "none"}, {"alg": "HS256"}, {"typ": "JWT"}, {"jwk": {}}, {"crit": ["x"]}])
def test_another_header_than_ours_is_refused_though_the_signature_fits(header: dict[str, object]) -> None:
    first = {"alg": "ES256", "kid": jws.key_name(KEY.public), "typ": "diwan-manifest"} | header
    text = base64.urlsafe_b64encode(json.dumps(first).encode()).rstrip(b"=")
    octets = text + b"." + KEY.document(body()).split(b".")[1]
    with pytest.raises(BadManifest):
        read(jws.signed(octets, KEY.sign(octets)))


@given(st.data())
def test_no_change_of_one_octet_is_believed(data: st.DataObject) -> None:
    octets = bytearray(KEY.document(body()))
    at = data.draw(st.integers(0, len(octets) - 1))
    octets[at] = data.draw(st.integers(0, 255).filter(lambda octet: octet != octets[at]))
    try:
        assert read(bytes(octets)).body == body()  # the unused bits of the last base64 digit
        assert at == len(octets) - 1
    except BadManifest:
        pass


FIRST = read(KEY.document(body()))


@pytest.mark.parametrize(
    ("after", "why"),
    [
        (body(2, previous="0" * 64), "predecessor"),
        (body(1, issued_us=NOW_US + 1), "two documents of serial 1"),
        (body(0), "older"),
        (body(2, FIRST.sha256, NOW_US - 1), "older"),
        (body(2, FIRST.sha256, NOW_US + document.AHEAD_US + 1), "clock"),
    ],
)
def test_steps_back_forks_and_wrong_clocks_are_refused(after: Body, why: str) -> None:
    with pytest.raises(BadManifest, match=why):
        document.follows(FIRST, read(KEY.document(after)), NOW_US)


@pytest.mark.parametrize("after", [body(), body(2, FIRST.sha256, NOW_US + 5), body(9, "f" * 64, NOW_US + 5)])
def test_the_same_the_next_and_a_later_document_are_taken(after: Body) -> None:
    document.follows(FIRST, read(KEY.document(after)), NOW_US)
    document.follows(None, read(KEY.document(after)), NOW_US)


@pytest.mark.parametrize(
    ("site", "age_s", "want"),
    [
        ("online", 600, Freshness.FRESH),
        ("online", 601, Freshness.STALE),
        ("online", 1201, Freshness.EXPIRED),
        ("satellite", 864_000, Freshness.FRESH),
        ("satellite", 864_001, Freshness.STALE),
        ("satellite", 1_728_001, Freshness.EXPIRED),
    ],
)
def test_each_class_of_site_has_its_own_time(site: document.SiteClass, age_s: int, want: Freshness) -> None:
    assert document.freshness(body(), site, NOW_US + age_s * SECOND_US) is want


ENTRIES = st.dictionaries(st.text(max_size=8), st.binary(min_size=32, max_size=32), max_size=4)


@given(ENTRIES, ENTRIES)
def test_different_entries_give_different_bucket_hashes(one: dict[str, bytes], two: dict[str, bytes]) -> None:
    assert (document.bucket_hash(one.items()) == document.bucket_hash(two.items())) == (one == two)
    assert document.bucket_hash(one.items()) == document.bucket_hash(reversed(one.items()))


def test_the_fingerprint_of_an_anchor_does_not_depend_on_the_order_of_its_keys() -> None:
    one = document.Anchor("demo", "https://a.example", [KEY.written, OTHER.written], "CA")
    two = document.Anchor("demo", "https://b.example", [OTHER.written, KEY.written], "CA")
    assert one.fingerprint == two.fingerprint
    assert len(one.fingerprint) == 39
