"""RFC 3156 as octets, made and cut apart again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.message.index import index
from mailcore.openpgp import mime

ENTITY = b"Content-Type: text/plain\r\n\r\nBonjour\r\n"
TOP = b"From: a@b.example\r\nMIME-Version: 1.0\r\n"


def parts(raw: bytes):
    return index(raw).header.spans


def test_what_is_signed_comes_back_octet_by_octet():
    raw = TOP + mime.signed(ENTITY, b"SIGNATURE\r\n", "pgp-sha256", "=_b")
    found = mime.find_signed(raw, parts(raw))
    assert (found.octets, found.signature.strip()) == (ENTITY, b"SIGNATURE")
    assert mime.find_encrypted(raw, parts(raw)) is None


def test_what_is_encrypted_comes_back():
    raw = TOP + mime.encrypted(b"-----BEGIN PGP MESSAGE-----\r\n", "=_b")
    assert mime.find_encrypted(raw, parts(raw)).startswith(b"-----BEGIN PGP MESSAGE-----")
    assert mime.find_signed(raw, parts(raw)) is None


SIGNED = TOP + mime.signed(ENTITY, b"SIGNATURE\r\n", "pgp-sha256", "=_b")
SEALED = TOP + mime.encrypted(b"-----BEGIN PGP MESSAGE-----\r\n", "=_b")


@pytest.mark.parametrize(
    "raw",
    [
        SIGNED.replace(b"--=_b--", b"--=_b\r\nContent-Type: text/plain\r\n\r\nmore\r\n--=_b--"),
        SIGNED.replace(b"application/pgp-signature; name", b"text/plain; name"),
        SIGNED.replace(b"multipart/signed", b"multipart/mixed"),
        SEALED.replace(b"--=_b--", b"--=_b\r\nContent-Type: text/html\r\n\r\n<img src=x\r\n--=_b--"),
        SEALED.replace(b"Version: 1", b"Version: 2"),
        SEALED.replace(b"octet-stream", b"pdf"),
        TOP + b'Content-Type: multipart/mixed; boundary="m"\r\n\r\n--m\r\n' + SEALED[len(TOP) :] + b"--m--\r\n",
        TOP + ENTITY,
        b"",
    ],
)
def test_a_form_that_is_not_the_whole_letter_counts_for_nothing(raw):
    assert mime.find_signed(raw, parts(raw)) is None
    assert mime.find_encrypted(raw, parts(raw)) is None


def test_a_boundary_inside_is_refused():
    with pytest.raises(ValueError, match="boundary"):
        mime.signed(ENTITY + b"--=_b\r\n", b"", "pgp-sha256", "=_b")


def test_attached_keys_are_found():
    key = b"Content-Type: application/pgp-keys\r\n\r\nKEY\r\n"
    raw = TOP + b'Content-Type: multipart/mixed; boundary="m"\r\n\r\n' + b"".join(b"--m\r\n" + key for _ in range(5)) + b"--m--\r\n"
    assert [each.strip() for each in mime.attached_keys(raw, parts(raw))] == [b"KEY"] * mime.MAX_KEY_FILES


@given(st.binary(max_size=400), st.sampled_from([SIGNED, SEALED]), st.integers(0, 400))
def test_no_octets_do_anything_but_be_read_or_not(octets, whole, at):
    raw = whole[:at] + octets + whole[at:]
    mime.find_signed(raw, parts(raw))
    mime.find_encrypted(raw, parts(raw))
    mime.attached_keys(raw, parts(raw))
