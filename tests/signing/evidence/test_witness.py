"""What a witness signs, and what it refuses: requests as text, judged without a network."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from signing.evidence import checkpoint, merkle, note, witness
from signing.evidence.checkpoint import Checkpoint
from signing.evidence.note import COSIGNATURE, ED25519, BadNote, Key, Note
from signing.evidence.witness import Known, Refused, Request

ORIGIN = "mx.example/evidence"
LEAVES = [merkle.leaf_hash(bytes([n])) for n in range(20)]
NODES = {(level, index): found for level, index, found in merkle.grown(0, LEAVES, lambda level, index: b"")}
LOG, OTHER, COSIGNER = (Ed25519PrivateKey.generate() for _ in range(3))
KEY = Key(ORIGIN, ED25519, LOG.public_key().public_bytes_raw())
WITNESS = Key("w.example/witness", COSIGNATURE, COSIGNER.public_key().public_bytes_raw())


def read(level, index):
    return NODES[level, index]


def root(size):
    return merkle.root(size, read)


def signed(size, *, key=LOG, root_hash=b"", name=ORIGIN):
    text = checkpoint.write(Checkpoint(name, size, root_hash or root(size)))
    return note.write(Note(text, (note.signature(KEY, key.sign(text.encode())),)))


def proof(old, new):
    return tuple(merkle.consistency(old, new, read)) if old else ()


@given(st.integers(0, 20), st.integers(0, 20))
def test_requests_are_read_back_and_growth_is_signed(old, more):
    size = min(20, old + more)
    asked = Request(old, proof(old, size), signed(size))
    assert witness.read(witness.write(asked)) == asked
    known = Known(old, root(old)) if old else None
    text, made = witness.judge(asked, [KEY], known)
    assert (made.size, made.root) == (size, root(size))
    assert note.read(asked.note).text == text


@pytest.mark.parametrize(
    ("asked", "known", "status"),
    [
        (Request(5, proof(5, 9), signed(9)), Known(4, root(4)), 409),
        (Request(0, (), signed(9)), Known(4, root(4)), 409),
        (Request(9, (), signed(5)), Known(9, root(9)), 400),
        (Request(5, proof(5, 9), signed(9, root_hash=bytes(32))), Known(5, root(5)), 422),
        (Request(5, proof(5, 9)[1:], signed(9)), Known(5, root(5)), 422),
        (Request(5, proof(5, 9), signed(9)), Known(5, bytes(32)), 422),
        (Request(0, (bytes(32),), signed(9)), None, 422),
        (Request(0, (), signed(0, root_hash=bytes(32))), None, 409),
        (Request(9, (), signed(9, root_hash=bytes(32))), Known(9, root(9)), 409),
        (Request(0, (), signed(9, key=OTHER)), None, 403),
        (Request(0, (), signed(9, name="other.example")), None, 404),
        (Request(0, (), b"nonsense"), None, 400),
    ],
)
def test_whatever_else_is_refused(asked, known, status):
    with pytest.raises(Refused) as refused:
        witness.judge(asked, [KEY], known)
    assert refused.value.status == status
    assert refused.value.size == ((known.size if known else 0) if status == 409 else -1)


@pytest.mark.parametrize("octets", [b"", b"old x\n\n", b"old 01\n\n", b"old 1", b"old 0\n" + b"AA==\n" * 64 + b"\n", b"\xff\n\n"])
def test_requests_that_are_none_are_refused(octets):
    with pytest.raises(Refused) as refused:
        witness.read(octets)
    assert refused.value.status == 400


def test_an_answer_is_believed_only_from_the_witness_that_was_asked():
    about = note.read(signed(9))
    given = note.signature(WITNESS, COSIGNER.sign(note.signed_octets(about.text, COSIGNATURE, 7)), 7)
    answer = witness.write_answer(given)
    assert witness.read_answer(answer, about, WITNESS) == given
    both = witness.added(witness.added(about, given), given)
    assert [one.name for one in both.signatures] == [ORIGIN, WITNESS.name]
    assert note.signers(both, [WITNESS]) == {WITNESS: 7}
    for wrong in (answer, b"", b"nonsense"):
        with pytest.raises(BadNote):
            witness.read_answer(wrong, note.read(signed(8)), WITNESS)
