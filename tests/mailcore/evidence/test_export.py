"""A letter's evidence, taken out of a real node, stands before a court; what cannot be proven is not handed out."""

import dataclasses
import importlib.util
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config.evidence import Evidence
from mailcore import stamping
from mailcore.evidence import places
from mailcore.evidence.errors import NoEvidence, NoLetter, NotProven, NotSealed, NotThisLetter
from mailcore.evidence.export import export
from mailcore.evidence.sealing import Sealer
from mailcore.pki.publish import Publisher
from mailcore.pki.responder import Responders
from mailcore.queue.accept import accept
from signing.evidence import note
from signing.evidence.note import COSIGNATURE
from signing.evidence.verify import verify
from signing.pki import register
from tests.mailcore.queue.node import HOSTNAME, KARIM, letter, queued, submission
from tests.signing.evidence.court import key_of, moment

PROGRAM = Path(__file__).parents[3] / "docs/verifier.py"
spec = importlib.util.spec_from_file_location("verifier", PROGRAM)
program = importlib.util.module_from_spec(spec)
spec.loader.exec_module(program)


once = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # what it tries is not SQL


async def test_a_letter_that_was_delivered_is_proven_by_us_and_by_the_program_of_a_court(node, clock):
    name = await accept(node, submission(KARIM))
    clock.advance(3_000_000)
    octets = await export(node, name)
    report = verify(octets, node.roots, clock.now_us())
    assert report.faults == ()
    assert [one.record.event for one in report.records] == ["ReceivedFromNonERDS", "ContentConsignment"]
    assert [one.record.queue for one in report.records] == [name, name]
    assert report.records[1].record.recipients == (KARIM,)
    assert report.sealed.hosts == (HOSTNAME,)
    assert report.digest == f"sha256:{sha256(letter()).hexdigest()}"
    fingerprint = x509.load_der_x509_certificate(node.roots[0]).fingerprint(hashes.SHA256())
    found, faults = program.verify(octets, {fingerprint}, moment(clock.now_us()))
    assert faults == []
    assert [one["event"] for one in found["records"]] == ["ReceivedFromNonERDS", "ContentConsignment"]


@once
async def test_each_record_is_proven_against_the_first_checkpoint_that_covers_it(node, clock):
    """The nearer its stamp, the less can anybody say that it was written later."""
    name = await queued(node, submission("far@elsewhere.example"))
    first = await Sealer(node).turn()
    await accept(node, submission(KARIM))
    await Sealer(node).turn()
    report = verify(await export(node, name), node.roots, clock.now_us())
    assert [one.mark.size for one in report.records] == [first.size]


async def test_the_letter_is_found_in_the_queue_in_a_mailbox_or_given(node, clock):
    waiting = await queued(node, submission("far@elsewhere.example"))
    assert verify(await export(node, waiting), node.roots, clock.now_us()).message_bytes == len(letter())
    delivered = await accept(node, submission(KARIM, raw=letter("autre")))
    await node.db.write(lambda tx: tx.execute("UPDATE message SET created_us = 0"))
    with pytest.raises(NoLetter):
        await export(node, delivered)
    with pytest.raises(NotThisLetter):
        await export(node, delivered, letter())
    assert verify(await export(node, delivered, letter("autre")), node.roots, clock.now_us()).faults == ()


@once
async def test_what_nobody_sent_or_is_not_stamped_is_not_exported(node, monkeypatch):
    for unknown in ("0000000000000", "not an id"):
        with pytest.raises(NoEvidence):
            await export(node, unknown)
    name = await accept(node, submission(KARIM))

    async def none(self: stamping.Stamps, signature: bytes) -> bytes:
        return b""

    with monkeypatch.context() as patch:
        patch.setattr(stamping.Stamps, "over", none)
        with pytest.raises(NotSealed):
            await export(node, name)
    await Sealer(node).turn()
    assert await export(node, name)


@once
async def test_a_node_whose_records_were_changed_proves_nothing(node):
    name = await accept(node, submission(KARIM))
    await export(node, name)
    [kept] = await node.db.read(lambda tx: tx.column("SELECT record FROM evidence WHERE place = 1"))
    changed = bytes(kept).replace(b"karim", b"kamel")
    await node.db.write(lambda tx: tx.execute("UPDATE evidence SET record = :changed WHERE place = 1", changed=changed))
    with pytest.raises(NotProven, match=r"evidence/00[12]\.json: inclusion"):
        await export(node, name, letter())


@once
async def test_a_node_whose_seal_was_revoked_proves_nothing_more(node, clock):
    name = await accept(node, submission(KARIM))
    before = await export(node, name)
    [seal] = await node.db.read(register.listed, kind="node")
    await node.db.write(register.revoke, seal.authority, seal.serial, "keyCompromise")
    await Publisher(node, Responders(node)).look()
    with pytest.raises(NotProven, match="revocation"):
        await export(node, name)
    assert verify(before, node.roots, clock.now_us()).faults == ()


@once
async def test_witnesses_count_whose_keys_the_node_names(node, clock):
    """The first checkpoint that one of them has signed is taken, before an earlier one that none has."""
    witness = Ed25519PrivateKey.generate()
    key = key_of(witness, "witness.example", COSIGNATURE)
    name = await accept(node, submission(KARIM))
    first = await Sealer(node).turn()
    await accept(node, submission(KARIM))
    second = await Sealer(node).turn()
    text, time_s = note.read(second.note).text, clock.now_us() // 1_000_000
    line = note.signature(key, witness.sign(note.signed_octets(text, COSIGNATURE, time_s)), time_s)
    both = note.read(second.note)
    await node.db.write(places.renote, second.size, note.write(dataclasses.replace(both, signatures=(*both.signatures, line))))
    known = msgspec.structs.replace(node.settings, evidence=Evidence(witnesses=(f"{key.written()} http://witness.example/",)))
    report = verify(await export(dataclasses.replace(node, settings=known), name), node.roots, clock.now_us())
    assert {(one.mark.size, one.mark.witnesses) for one in report.records} == {(second.size, ("witness.example",))}
    report = verify(await export(node, name), node.roots, clock.now_us())
    assert {one.mark.witnesses for one in report.records} == {()}
    assert first.size < second.size
