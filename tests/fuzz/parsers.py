"""Every reader of signing/ that meets strangers' octets: a good document, and what it may raise for a bad one."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from signing import ber, certificate, cms, der, envelope, enveloped, escrow, genuine, moment, signers, smime, timestamp, wire
from signing.algorithms import SHA256
from signing.errors import SignerUnavailable, SigningRefused
from signing.evidence import bundle, checkpoint, note, record, tiles, witness
from signing.openpgp import status
from signing.pki import judge as second
from signing.pki import ocsp, revocation
from signing.pki.cases import Case
from signing.pki.crl import Entry, Head
from signing.pki.ocsp import Said
from signing.pki.revocation import Material
from signing.verdict import judge
from tests.fuzz.mutation import BOUNDARY, Letter
from tests.signing.country import ADDRESS, DAY_US, ENTITY, NOW_US, Country
from tests.signing.pki.issuing import Issuing

RECORD = record.write(
    record.Record(
        at=NOW_US,
        digest=record.digest_name(bytes(32)),
        event="RelayFailure",
        id=record.identifier(bytes(16)),
        issuer="mail.gov.example",
        message="1@gov.example",
        policy="https://gov.example/policy",
        queue="Q1",
        reasons=record.reasons([("550 5.1.1", "no such mailbox")]),
        recipients=("a@gov.example",),
        sender=ADDRESS,
    )
)

KEPT = b'{"key_id":"k","kind":"p256","needed":2,"sealed":"AAAA","shares":[]}'
STATUS = (
    b"[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG 0123456789ABCDEF Bureau\n[GNUPG:] VALIDSIG 0123456789ABCDEF0123456789ABCDEF01234567 2026-11-22"
    b" 1795359943 0 4 0 22 8 00 0123456789ABCDEF0123456789ABCDEF01234567\n"
)


@dataclass(frozen=True)
class Parser:
    """A reader, a document that it takes, and the errors that its documentation names. `()`: it raises nothing."""

    read: Callable[[bytes], object]
    good: bytes
    errors: tuple[type[Exception], ...]


def every(country: Country) -> dict[str, Parser]:
    """Return all by their names."""
    return {**_of_signatures(country), **_of_time(country), **_of_revocation(), **_of_evidence(), **_of_secrets(country)}


def _of_signatures(country: Country) -> dict[str, Parser]:
    signed = country.clerk.sign(clock=country.clock)
    leaf, root = country.clerk.identity.certificate, country.root.certificate
    body = Letter.of(ENTITY, signed).body
    streamed = b"\x30\x80" + der.read(signed).octets + b"\0\0"
    return {
        "cms.read": Parser(cms.read, signed, (der.BadDer,)),
        "cms.read, streamed": Parser(cms.read, streamed, (der.BadDer,)),
        "signers.split": Parser(signers.split, signed, (der.BadDer,)),
        "signers.join": Parser(lambda octets: signers.join(octets, signed), signed, (der.BadDer,)),
        "ber.to_der": Parser(ber.to_der, streamed, (der.BadDer,)),
        "certificate.outline": Parser(certificate.outline, leaf, (der.BadDer,)),
        "certificate.key_kind": Parser(certificate.key_kind, certificate.outline(leaf).public_key, (der.BadDer,)),
        "genuine.loaded": Parser(lambda octets: genuine.loaded([octets]), leaf, ()),
        "verdict.judge": Parser(lambda octets: judge(ENTITY, octets, [root], NOW_US, ADDRESS), signed, ()),
        "verdict.judge, of a text": Parser(lambda octets: judge(octets, signed, [root], NOW_US, ADDRESS), ENTITY, ()),
        "smime.detached": Parser(lambda octets: smime.detached(octets, BOUNDARY), body, (smime.NotSigned,)),
    }


def _of_time(country: Country) -> dict[str, Parser]:
    token, asked = country.clock.stamp(b"x"), timestamp.request(SHA256, bytes(32), 7)
    signer, root = cms.read(country.clerk.sign(clock=country.clock)).signer, country.root.certificate
    return {
        "moment.proven": Parser(lambda octets: moment.proven(replace(signer, timestamp=octets), [root], NOW_US), token, ()),
        "timestamp.read": Parser(timestamp.read, token, (der.BadDer,)),
        "timestamp.read_request": Parser(timestamp.read_request, asked, (timestamp.Refused,)),
        "timestamp.read_response": Parser(timestamp.read_response, timestamp.granted(token), (timestamp.Refused, der.BadDer)),
    }


def _of_revocation() -> dict[str, Parser]:
    issuing, serial = Issuing(), 77
    leaf, issuer = issuing.leaf(serial), issuing.certificate_once
    listed = issuing.lists(Head(1, NOW_US - DAY_US, NOW_US + DAY_US), Entry(3, NOW_US - DAY_US, "superseded"))
    answer = issuing.answer(serial, Said(NOW_US - DAY_US, NOW_US + DAY_US))

    def known(certificate: bytes = leaf, **material: tuple[bytes, ...]) -> object:
        return revocation.judge(certificate, issuer, Material(**material), NOW_US)

    def second_opinion(certificate: bytes = leaf, crls: tuple[bytes, ...] = (), ocsps: tuple[bytes, ...] = ()) -> object:
        return second.judge(Case(certificate, (), (issuer,), crls, ocsps, NOW_US, NOW_US, "declared"))

    return {
        "revocation.judge, of a certificate": Parser(lambda octets: known(octets, crls=(listed,)), leaf, ()),
        "revocation.judge, of a list": Parser(lambda octets: known(crls=(octets,)), listed, ()),
        "revocation.judge, of an answer": Parser(lambda octets: known(ocsps=(octets,)), answer, ()),
        "ocsp.read": Parser(lambda octets: ocsp.read(octets, issuer, serial), answer, (ValueError,)),
        "ocsp.read_request": Parser(ocsp.read_request, ocsp.request(issuer, serial), (ValueError,)),
        "pki.judge, of a certificate": Parser(second_opinion, leaf, ()),
        "pki.judge, of a list": Parser(lambda octets: second_opinion(crls=(octets,)), listed, ()),
        "pki.judge, of an answer": Parser(lambda octets: second_opinion(ocsps=(octets,)), answer, ()),
    }


def _of_evidence() -> dict[str, Parser]:
    point = checkpoint.Checkpoint("log.gov.example", 7, bytes(32))
    written = note.write(note.Note(checkpoint.write(point), (note.Signature("log.gov.example", b"1234", bytes(64)),)))
    proof = bundle.Proof(bytes(32), 3, 7, (bytes(32),), "1.note")
    return {
        "note.read": Parser(note.read, written, (note.BadNote,)),
        "checkpoint.read": Parser(
            lambda octets: checkpoint.read(octets.decode("latin-1")), checkpoint.write(point).encode(), (note.BadNote,)
        ),
        "tiles.read": Parser(lambda octets: tiles.read(octets, 3), bytes(96), (tiles.BadTile,)),
        "tiles.read_entries": Parser(tiles.read_entries, tiles.write_entries([bytes(32)] * 3), (tiles.BadTile,)),
        "record.read": Parser(record.read, RECORD, (record.BadRecord,)),
        "witness.read": Parser(witness.read, witness.write(witness.Request(3, (bytes(32),), written)), (witness.Refused,)),
        "bundle.read_proof": Parser(bundle.read_proof, bundle.written_proof(proof), (bundle.BadBundle,)),
        "bundle.unpack": Parser(bundle.unpack, bundle.pack({"message.eml": b"x" * 50}, b"<x/>", b"y" * 50), (bundle.BadBundle,)),
    }


def _of_secrets(country: Country) -> dict[str, Parser]:
    leaf = country.clerk.identity.certificate
    sealed = envelope.seal(b"text", [envelope.recipient(leaf)])
    asked = wire.frame(wire.Sign(1, "post-1", bytes(32), "sign", b""))[wire.LENGTH.size :]
    said = wire.frame(wire.Answer(1, (bytes(64),)))[wire.LENGTH.size :]
    return {
        "enveloped.read": Parser(lambda octets: enveloped.read(octets, 1 << 20), sealed, (der.BadDer,)),
        "escrow.read": Parser(escrow.read, KEPT, (escrow.Damaged,)),
        "escrow.share": Parser(escrow.share, escrow.written(escrow.Share("k", 1, 2, bytes(32)), 3), (escrow.BadShare,)),
        "openpgp.status.judged": Parser(lambda octets: status.judged(status.events(octets.decode("latin-1"))), STATUS, ()),
        "wire.request": Parser(wire.request, asked, (SigningRefused,)),
        "wire.reply": Parser(wire.reply, said, (SignerUnavailable,)),
    }
