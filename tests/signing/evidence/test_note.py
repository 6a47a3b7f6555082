"""Signed notes and checkpoints: a note of somebody else's, every octet changed, and what is no note."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from signing.evidence import checkpoint, note
from signing.evidence.checkpoint import Checkpoint
from signing.evidence.merkle import leaf_hash
from signing.evidence.note import COSIGNATURE, ED25519, BadNote, Key, Note

# The example of the format's own description, made by its reference implementation.
FOREIGN_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
FOREIGN = (
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()

SECRETS = [Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in (1, 2)]
LOG = Key("evidence.interieur.gov.example", ED25519, SECRETS[0].public_key().public_bytes_raw())
WITNESS = Key("temoin.anpdp.example", COSIGNATURE, SECRETS[1].public_key().public_bytes_raw())
POINT = Checkpoint("evidence.interieur.gov.example", 12_345, leaf_hash(b"x"))


def signed(text: str, time_s: int = 1_795_000_000) -> bytes:
    """A note of the log, with its witness."""
    lines = [
        note.signature(signer, secret.sign(note.signed_octets(text, signer.kind, time_s)), time_s)
        for signer, secret in zip((LOG, WITNESS), SECRETS, strict=True)
    ]
    return note.write(Note(text, tuple(lines)))


def test_a_foreign_note_is_genuine() -> None:
    signer = note.key(FOREIGN_KEY)
    assert signer.written() == FOREIGN_KEY
    read = note.read(FOREIGN)
    assert read.text == "This is an example message.\n"
    assert note.signers(read, [signer, LOG]) == {signer: 0}
    assert note.write(read) == FOREIGN


def test_log_and_witness_sign_a_checkpoint() -> None:
    read = note.read(signed(checkpoint.write(POINT)))
    assert checkpoint.read(read.text) == POINT
    assert note.signers(read, [LOG, WITNESS]) == {LOG: 0, WITNESS: 1_795_000_000}
    assert [note.key(one.written()) for one in (LOG, WITNESS)] == [LOG, WITNESS]


def test_the_text_of_a_note_may_hold_what_looks_like_its_end() -> None:
    text = "first\n\n— somebody AAAAAAAA\nlast\n"
    assert note.read(signed(text)).text == text


def test_no_octet_can_be_changed() -> None:
    """Each bit of each octet: the note is none any more, a signature fails, or one that was there is missing."""
    octets = signed(checkpoint.write(POINT))
    for place in range(len(octets)):
        for bit in range(8):
            changed = bytearray(octets)
            changed[place] ^= 1 << bit
            try:
                assert len(note.signers(note.read(bytes(changed)), [LOG, WITNESS])) < 2
            except BadNote:
                pass


@given(st.binary(max_size=300))
def test_octets_are_read_as_they_would_be_written_or_not_at_all(octets: bytes) -> None:
    for tried in (octets, b"text\n\n\xe2\x80\x94 name " + octets + b"\n", octets + b"\n\n\xe2\x80\x94 a AAAAAAAA\n"):
        try:
            assert note.write(note.read(tried)) == tried
        except BadNote:
            pass


ROOT = "A" * 43 + "="


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "log\n",
            "log\n5\n",
            f"\n5\n{ROOT}\n",
            f"log\n5\n{ROOT}",
            f"log\n5\n{ROOT}\n\n",
            "log\n5\n" + ROOT.replace("A=", "B=") + "\n",
        ),
        *(f"log\n{size}\n{ROOT}\n" for size in ("05", "-1", "9223372036854775808", "five", "٥")),
    ],
)
def test_what_is_no_checkpoint(text: str) -> None:
    with pytest.raises(BadNote):
        checkpoint.read(text)


def test_lines_that_others_add_stay() -> None:
    point = Checkpoint("log", 0, leaf_hash(b""), ("more", "lines"))
    assert checkpoint.read(checkpoint.write(point)) == point


@pytest.mark.parametrize(
    "written",
    [
        "",
        "name",
        "name+00000000+AQ==",
        FOREIGN_KEY.replace("530d903a", "530d903b"),
        FOREIGN_KEY.replace("example", "a b"),
        FOREIGN_KEY[:-4],
    ],
)
def test_what_is_no_key(written: str) -> None:
    with pytest.raises(BadNote):
        note.key(written)


def test_a_note_with_too_many_signatures_is_none() -> None:
    text = checkpoint.write(POINT)
    with pytest.raises(BadNote):
        note.read(note.write(Note(text, note.read(signed(text)).signatures * 51)))
