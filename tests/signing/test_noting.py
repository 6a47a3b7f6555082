"""Keys that sign checkpoints and nothing else, through the signer's socket."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from signing.errors import NoSuchKey, SigningRefused
from signing.evidence import checkpoint, note
from signing.evidence.checkpoint import Checkpoint
from signing.process import running

TEXT = checkpoint.write(Checkpoint("mx.interieur.gov.example/evidence", 7, bytes(32)))
LOG, WITNESS = TEXT.encode(), note.signed_octets(TEXT, note.COSIGNATURE, 1_790_000_000)
OTHERS = [
    b"",
    LOG[:-1],
    LOG + b"\n",
    b"cosignature/v2\ntime 1\n" + LOG,
    WITNESS + WITNESS,
    WITNESS.replace(b"time 1", b"time 01"),
    bytes(64),
]


async def test_a_key_signs_checkpoints_as_a_log_and_as_a_witness_and_survives(tmp_path):
    async with running(tmp_path) as signer:
        public = await signer.note_key("evidence")
        assert await signer.note_key("evidence") == public != await signer.note_key("other")
        for text in (LOG, WITNESS):
            Ed25519PublicKey.from_public_bytes(public).verify(await signer.sign_note("evidence", text), text)
        assert (await signer.status()).signatures["evidence"] == 2
    async with running(tmp_path) as signer:
        assert await signer.note_key("evidence") == public


async def test_nothing_else_is_signed(tmp_path):
    async with running(tmp_path) as signer:
        await signer.note_key("evidence")
        for text in OTHERS:
            with pytest.raises(SigningRefused):
                await signer.sign_note("evidence", text)
        with pytest.raises(SigningRefused):
            await signer.note_key("node")
        with pytest.raises(NoSuchKey):
            await signer.sign_note("nobody", LOG)
        with pytest.raises(NoSuchKey):
            await signer.sign("evidence", bytes(32))
        await signer.generate("other", "p256")
        with pytest.raises(SigningRefused):
            await signer.sign_note("other", LOG)
