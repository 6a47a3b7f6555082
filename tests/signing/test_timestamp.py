"""Time stamps: ours before openssl, openssl's requests and tokens before us, and everything that is refused."""

import hashlib
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing import algorithms, cms, der, timestamp
from signing.algorithms import SHA256, SHA384
from signing.der import BadDer
from signing.pki import ca
from signing.timestamp import Refused
from tests.signing.country import ENTITY, NOW_US, Country
from tests.signing.peers import Desk

SIGNATURE = b"octets of a signature"
DIGEST = hashlib.sha256(SIGNATURE).digest()


@pytest.fixture
def table(desk: Desk, country: Country) -> Desk:
    """A desk with what tokens are judged by."""
    desk.put("data", SIGNATURE)
    desk.put("clocks.pem", ca.pem(*country.clock.identity.chain))
    return desk


def judged(desk: Desk, question: str) -> "subprocess.CompletedProcess[bytes]":
    return desk.run(f"openssl ts -verify {question} -in answer -CAfile root.pem -untrusted clocks.pem")


def test_a_token_says_what_it_was_asked(country: Country) -> None:
    read = timestamp.read(country.clock.stamp(SIGNATURE, nonce=77, serial=12))
    assert (read.digest_algorithm, read.digest, read.time_us, read.serial) == (SHA256, DIGEST, NOW_US, 12)
    assert (read.policy, read.nonce) == (timestamp.BEST_PRACTICES, der.write_integer(77))
    assert country.clock.identity.certificate in read.signed.certificates


@pytest.mark.peer
def test_openssl_accepts_our_answer_to_our_request(table: Desk, country: Country) -> None:
    table.put("question", timestamp.request(SHA256, DIGEST, 99))
    table.put("answer", timestamp.granted(country.clock.stamp(SIGNATURE, nonce=99)))
    for question in ("-queryfile question", "-data data"):
        said = judged(table, question)
        assert said.returncode == 0, said.stderr
    table.put("data", SIGNATURE + b".")
    assert b"message imprint mismatch" in judged(table, "-data data").stderr


@pytest.mark.peer
@pytest.mark.parametrize(
    "options", ["-sha256 -cert", "-sha256", "-sha512 -no_nonce -cert", f"-sha384 -tspolicy {timestamp.BEST_PRACTICES} -cert"]
)
def test_openssl_asks_and_accepts_our_answer(table: Desk, country: Country, options: str) -> None:
    table.run(f"openssl ts -query -data data {options} -out question")
    asked = timestamp.read_request(table.get("question"))
    info = timestamp.info(asked, 5, NOW_US)
    to_sign = timestamp.prepare(info, country.clock.identity, NOW_US)
    table.put("answer", timestamp.granted(timestamp.finish(to_sign, country.clock.raw(to_sign.digest), info, asked)))
    table.put("clocks.pem", ca.pem(country.clock.identity.certificate, *country.clock.identity.chain))
    said = judged(table, "-queryfile question")
    assert said.returncode == 0, said.stderr
    assert asked.with_certificates == ("-cert" in options)


@pytest.mark.peer
def test_we_read_the_token_of_openssl(table: Desk, country: Country) -> None:
    table.put("clock.pem", ca.pem(country.clock.identity.certificate))
    table.put("clock.key", country.clock.pem())
    table.put("serial", b"0A\n")
    table.put(
        "tsa.cnf",
        b"[tsa]\nserial=serial\nsigner_cert=clock.pem\nsigner_key=clock.key\ncerts=clocks.pem\nsigner_digest=sha256\n"
        b"default_policy=1.2.3.4\nother_policies=0.4.0.2023.1.1\ndigests=sha256,sha384\naccuracy=secs:1\nclock_precision_digits=3\n"
        b"ess_cert_id_chain=no\n",
    )
    table.put("question", timestamp.request(SHA256, DIGEST, 7))
    said = table.run("openssl ts -reply -config tsa.cnf -section tsa -queryfile question -out answer")
    assert said.returncode == 0, said.stderr
    read = timestamp.read(timestamp.read_response(table.get("answer")))
    assert (read.digest, read.serial, read.policy, read.nonce) == (DIGEST, 11, "1.2.3.4", der.write_integer(7))
    assert abs(read.time_us - NOW_US) < 3600 * 1_000_000


@pytest.mark.peer
def test_openssl_accepts_a_stamped_signature(desk: Desk, country: Country) -> None:
    octets = country.clerk.sign(clock=country.clock)
    desk.put("entity", ENTITY)
    desk.put("cms", octets)
    assert desk.openssl_accepts()
    signer = cms.read(octets).signer
    token = timestamp.read(signer.timestamp)
    assert token.digest == hashlib.sha256(signer.signature).digest()
    assert cms.read(country.clerk.sign()).signer.timestamp == b""


REFUSED = {
    "version": (der.sequence(der.write_integer(2)), timestamp.BAD_REQUEST),
    "nothing": (b"", timestamp.BAD_DATA),
    "cut": (timestamp.request(SHA256, DIGEST, 1)[:-1], timestamp.BAD_DATA),
    "trailing": (timestamp.request(SHA256, DIGEST, 1) + b"\0", timestamp.BAD_DATA),
    "length": (timestamp.request(SHA256, DIGEST[:-1], 1), timestamp.BAD_DATA),
    "other length": (timestamp.request(SHA384, DIGEST, 1), timestamp.BAD_DATA),
    "sha-1": (timestamp.request("1.3.14.3.2.26", bytes(20), 1), timestamp.BAD_ALGORITHM),
    "nonce": (timestamp.request(SHA256, DIGEST, 1 << 600), timestamp.BAD_REQUEST),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_request_is_refused_with_its_reason(case: str) -> None:
    octets, bit = REFUSED[case]
    with pytest.raises(Refused) as caught:
        timestamp.read_request(octets)
    assert caught.value.bit == bit
    with pytest.raises(Refused) as told:
        timestamp.read_response(timestamp.rejected(caught.value))
    assert told.value.text == caught.value.text


@pytest.mark.parametrize("name", ["BAD_ALGORITHM", "BAD_REQUEST", "BAD_DATA", "TIME_NOT_AVAILABLE", "BAD_POLICY", "SYSTEM_FAILURE"])
@pytest.mark.peer
def test_openssl_reads_the_reason(desk: Desk, name: str) -> None:
    desk.put("answer", timestamp.rejected(Refused(getattr(timestamp, name), "parce que")))
    said = desk.run("openssl ts -reply -in answer -text").stdout
    assert b"Status: Rejected." in said
    assert b"parce que" in said
    assert b"Failure info: unspecified" not in said


@pytest.mark.parametrize("policy", ["1.2.3.4"])
def test_another_policy_is_refused(policy: str) -> None:
    imprint = der.sequence(algorithms.identifier(SHA256), der.write_octets(DIGEST))
    with pytest.raises(Refused) as caught:
        timestamp.read_request(der.sequence(der.write_integer(1), imprint, der.write_oid(policy)))
    assert caught.value.bit == timestamp.BAD_POLICY
    with pytest.raises(Refused) as caught:
        timestamp.read_request(der.sequence(der.write_integer(1), imprint, der.write(der.context(0), der.sequence())))
    assert caught.value.bit == timestamp.BAD_EXTENSION


@given(st.data())
def test_changed_octets_raise_nothing_else(token: bytes, data: st.DataObject) -> None:
    octets = bytearray(token)
    for _ in range(data.draw(st.integers(1, 3))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    for read, expected in ((timestamp.read, BadDer), (timestamp.read_request, Refused), (timestamp.read_response, (BadDer, Refused))):
        try:
            read(bytes(octets))  # type: ignore[operator]
        except expected:  # type: ignore[misc]
            pass


@pytest.fixture(scope="module")
def token(country: Country) -> bytes:
    return country.clock.stamp(SIGNATURE)
