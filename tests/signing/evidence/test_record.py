"""Records of evidence: one way to write the same facts, everything else refused."""

import json
import uuid
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.evidence import record
from signing.evidence.record import BadRecord, Reason, Record

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def made(**more: object) -> Record:
    values = {
        "at": 1_790_000_000_000_000,
        "digest": record.digest_name(bytes(32)),
        "event": "SubmissionAcceptance",
        "id": "0" * 32,
        "issuer": "mx.interieur.gov.example",
        "message": "1@interieur.gov.example",
        "policy": "http://mx.interieur.gov.example/evidence/policy.txt",
        "queue": "0123456789ABC",
        "recipients": ("karim@interieur.gov.example",),
        "sender": "amina@interieur.gov.example",
    }
    return Record(**{**values, **more})


def test_a_record_is_these_octets():
    wanted = (
        b'{"at":1790000000000000,"digest":"sha256:' + b"0" * 64 + b'","event":"SubmissionAcceptance","id":"' + b"0" * 32 + b'",'
        b'"issuer":"mx.interieur.gov.example","message":"1@interieur.gov.example",'
        b'"policy":"http://mx.interieur.gov.example/evidence/policy.txt","queue":"0123456789ABC","reasons":[],'
        b'"recipients":["karim@interieur.gov.example"],"sender":"amina@interieur.gov.example","v":1}'
    )
    assert record.write(made()) == wanted


@given(TEXT, st.lists(TEXT, max_size=3), TEXT, st.integers(0, (1 << 53) - 1))
def test_octets_are_those_of_rfc_8785_and_are_read_back(sender, recipients, said, at):
    one = made(at=at, sender=sender, recipients=tuple(recipients), event="RelayRejection", reasons=(Reason("550", said),))
    octets = record.write(one)
    assert octets == json.dumps(json.loads(octets), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert record.read(octets) == one


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"v":1', b'"v":2'),
        (b'"v":1', b'"v": 1'),
        (b'"at":1', b'"at":01'),
        (b'{"at"', b'{"a":1,"at"'),
        (b'"reasons":[],', b""),
        (b"Submission", b"Somebody"),
        (b'"id":"0', b'"id":"g'),
        (b"sha256:", b"sha512:"),
        (b"SubmissionAcceptance", b"SubmissionRejection"),  # why?
        (b'"reasons":[]', b'"reasons":[{"code":"550","text":""}]'),  # of a good event
        (b"amina", b"\\u0061mina"),
        (b"amina", b"\xff"),
        (b"}", b"} "),
    ],
)
def test_whatever_else_is_refused(old, new):
    octets = record.write(made())
    assert old in octets
    with pytest.raises(BadRecord):
        record.read(octets.replace(old, new, 1))


def test_text_that_is_no_unicode_stops_nothing():
    assert b'"sender":"?@x.example"' in record.write(made(sender="\udcff@x.example"))


@given(st.binary(min_size=16, max_size=16))
def test_identifiers_are_random_uuids(fresh):
    assert uuid.UUID(record.identifier(fresh)).version == 4


def test_the_log_holds_a_salted_hash():
    assert record.entry(b"s" * 32, b"{}") == sha256(b"diwan-evidence-v1\n" + b"s" * 32 + b"{}").digest()


def test_reasons_are_no_longer_than_anybody_reads():
    [reason] = record.reasons([("550 5.1.1", "x" * 10_000)])
    assert len(reason.text) == record.MAX_REASON
