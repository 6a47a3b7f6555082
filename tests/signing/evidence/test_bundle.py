"""Bundles are written in one way, read by any zip program, and every octet of the container that is not as written is found."""

import io
import secrets
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.evidence import bundle
from signing.evidence.bundle import BadBundle, Checkpoint, Contents, Proof

SMALL = Contents(
    b"Subject: x\r\n\r\ny\r\n", ((b'{"a":1}', Proof(b"s" * 32, 1, 2, (b"h" * 32,))),), (Checkpoint(b"note", b"seal"),), ("key",), (b"c",)
)


def packed(inside: Contents = SMALL) -> bytes:
    listed = bundle.files(inside)
    return bundle.pack(listed, bundle.manifest(listed), b"signature")


def test_a_bundle_begins_with_its_type_and_holds_what_was_put_in() -> None:
    """ETSI EN 319 162-1 §A.1: the type stands at octet 38, uncompressed."""
    octets = packed()
    assert octets[30:69] == b"mimetypeapplication/vnd.etsi.asic-e+zip"
    found = bundle.unpack(octets)
    assert found.faults == ()
    assert found.files["message.eml"] == SMALL.message
    assert list(found.files)[-2:] == [bundle.MANIFEST, bundle.SIGNATURE]


def test_any_zip_program_reads_a_bundle_and_pythons_writes_the_same() -> None:
    octets, again = packed(), io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(octets)) as read, zipfile.ZipFile(again, "w") as written:
        assert read.testzip() is None
        for one in read.namelist():
            written.writestr(zipfile.ZipInfo(one), read.read(one))
    assert again.getvalue() == octets


def test_every_octet_of_a_container_is_accounted_for() -> None:
    octets = packed()
    whole = bundle.unpack(octets)
    for at in range(len(octets)):
        changed = octets[:at] + bytes([octets[at] ^ 1 << at % 8]) + octets[at + 1 :]
        try:
            found = bundle.unpack(changed)
        except BadBundle:
            continue
        assert found.faults or found.files != whole.files, at


@pytest.mark.parametrize(
    "octets",
    [b"", b"PK\3\4", b"%PDF-1.7", packed()[:60], packed()[:400], packed().replace(b"evidence/001.json", b"evidence/../.json")],
    ids=["empty", "short", "other", "type-alone", "cut", "climbing"],
)
def test_what_is_no_bundle_is_refused(octets: bytes) -> None:
    with pytest.raises(BadBundle):
        bundle.unpack(octets)


def test_a_file_that_is_there_twice_is_refused() -> None:
    octets = packed()
    first = octets.index(b"PK\3\4", 4)
    second = octets.index(b"PK\3\4", first + 4)
    with pytest.raises(BadBundle, match="twice"):
        bundle.unpack(octets[:second] + octets[first:])


@given(st.integers(0, 2**62), st.integers(1, 2**62), st.lists(st.binary(min_size=32, max_size=32), max_size=60))
def test_a_proof_is_read_as_it_was_written(index: int, size: int, hashes: list[bytes]) -> None:
    proof = Proof(secrets.token_bytes(32), index, size, tuple(hashes), "checkpoints/2.note")
    assert bundle.read_proof(bundle.written_proof(proof)) == proof


@given(st.binary(max_size=200) | st.just(bundle.written_proof(SMALL.records[0][1])).map(lambda one: one.replace(b"1", b" 1")))
def test_nothing_else_is_a_proof(octets: bytes) -> None:
    with pytest.raises(BadBundle):
        bundle.read_proof(octets)


def test_a_manifest_is_read_as_it_was_written_and_in_no_other_form() -> None:
    written = bundle.manifest(bundle.files(SMALL))
    assert [name for name, _ in bundle.read_manifest(written)] == list(bundle.files(SMALL))
    for changed in (b" " + written, written.replace(b"/>", b" />", 1), written.replace(b"message.eml", b"message.exe"), b""):
        with pytest.raises(BadBundle):
            bundle.read_manifest(changed)
