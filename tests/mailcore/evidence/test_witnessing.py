"""Witnesses over HTTP: they sign what has grown, note it first, and refuse everything else."""

import dataclasses

import httpx
import msgspec
import pytest

from bench.wire import free_port
from config.evidence import Evidence
from config.settings import SettingsError
from mailcore.evidence import places, sealing, witnessing
from mailcore.evidence.sealing import Sealer
from mailcore.evidence.witnessing import Cosigners
from mailcore.pki import role
from mailcore.pki.answers import Answers
from mailcore.pki.responder import Responders
from signing.evidence import note, seal, witness
from tests.mailcore.evidence.test_sealing import add


@pytest.fixture
def database_url():
    """One row is kept, by a statement that test_sealing.py's neighbours run on both engines."""
    return "sqlite"


@pytest.fixture
async def pair(node):
    """A node that is its own witness, over HTTP."""
    port, log = free_port(), await Sealer(node).key()
    cosigner = await seal.witness_key(node.signer, witnessing.name(node))
    evidence = Evidence(witnesses=(f"{cosigner.written()} http://127.0.0.1:{port}/evidence",), logs=(log.written(),))
    listen = msgspec.structs.replace(node.settings.listen, pki=f"127.0.0.1:{port}")
    able = dataclasses.replace(node, settings=msgspec.structs.replace(node.settings, evidence=evidence, listen=listen))
    async with role.serving(able, Answers(able, Responders(able))):
        yield able, cosigner, f"http://127.0.0.1:{port}/evidence"


async def cosigned(services):
    sealer = Sealer(services)
    cosigners = Cosigners(services, sealer)
    try:
        return await cosigners.ask(await sealer.turn())
    finally:
        await cosigners.aclose()


async def test_each_checkpoint_gets_the_signature_of_a_witness(pair, clock):
    services, cosigner, url = pair
    for count in (3, 300, 1):
        await services.db.write(add, count)
        kept = await cosigned(services)
        signed = note.read(kept.note)
        assert note.signers(signed, [cosigner]) == {cosigner: clock.now_us() // 1_000_000}
        assert await services.db.read(places.cosigned, cosigner.name) == kept.size
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"{url}/checkpoint")).content == kept.note
        assert len((await client.get(f"{url}/tile/0/000")).content) == 256 * 32
    assert (await cosigned(services)).note == kept.note  # nobody is asked twice


async def test_an_answer_that_was_lost_is_asked_for_again(pair):
    services, cosigner, _ = pair
    await services.db.write(add, 3)
    await cosigned(services)
    await services.db.write(lambda tx: tx.execute("DELETE FROM evidence_witness"))
    await services.db.write(add, 3)
    assert cosigner in note.signers(note.read((await cosigned(services)).note), [cosigner])


async def test_a_rewritten_log_is_signed_by_no_witness(pair):
    services, _, url = pair
    await services.db.write(add, 3)
    first = await cosigned(services)
    sealer = Sealer(services)
    forged = await seal.signed(services.signer, await sealer.key(), dataclasses.replace(sealing.text_of(first), size=9, root=bytes(32)))
    asked = witness.write(witness.Request(3, (bytes(32), bytes(32)), note.write(forged)))
    async with httpx.AsyncClient(trust_env=False) as client:
        refused = await client.post(f"{url}{witness.PATH}", content=asked)
        assert (refused.status_code, refused.text) == (422, "the log has not grown from what it was\n")
        old = await client.post(f"{url}{witness.PATH}", content=witness.write(witness.Request(0, (), first.note)))
        assert (old.status_code, old.text, old.headers["content-type"]) == (409, "3\n", "text/x.tlog.size; charset=utf-8")
        assert (await client.post(f"{url}{witness.PATH}", content=b"nonsense")).status_code == 400
    assert (await services.db.read(witnessing.known, sealing.origin(services.settings))).size == 3


async def test_a_witness_that_is_silent_stops_nothing(pair):
    services, cosigner, _ = pair
    evidence = Evidence(witnesses=(f"{cosigner.written()} http://127.0.0.1:{free_port()}/evidence",))
    alone = dataclasses.replace(services, settings=msgspec.structs.replace(services.settings, evidence=evidence))
    await alone.db.write(add, 3)
    kept = await cosigned(alone)
    assert len(note.read(kept.note).signatures) == 1
    assert await alone.db.read(places.cosigned, cosigner.name) == 0


async def test_a_key_that_is_none_is_told_when_the_node_starts(pair):
    services, cosigner, _ = pair
    wrong = cosigner.written().replace(cosigner.key_id.hex(), "00000000")
    settings = msgspec.structs.replace(services.settings, evidence=Evidence(witnesses=(wrong,), logs=(wrong,)))
    for read in (sealing.witnesses, sealing.logs):
        with pytest.raises(SettingsError, match="diwan evidence key"):
            read(settings)


async def test_a_stranger_is_refused_before_anything_is_looked_up(pair, monkeypatch):
    services, _, _ = pair
    await services.db.write(add, 3)
    kept = await Sealer(services).turn()
    stranger = note.write(dataclasses.replace(note.read(kept.note), signatures=(note.Signature("x", b"1234", bytes(64)),)))
    asked = []

    async def write(*unit):
        asked.append(unit)

    with monkeypatch.context() as patch:
        patch.setattr(type(services.db), "write", write)
        for octets, status in ((stranger, 403), (kept.note.replace(b"mx.", b"my."), 404), (b"", 400)):
            assert (await witnessing.answer(services, b"old 0\n\n" + octets))[0] == status
    assert asked == []
