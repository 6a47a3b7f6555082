"""`diwan verify`: bundles without a node, letters and signatures with one; 0, 1 and 2."""

import json
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from typer.testing import CliRunner

from config import groups
from config.cli import app
from mailcore import certify
from mailcore.evidence import judged
from mailcore.evidence.errors import NoContent, NotASignature
from mailcore.pki.adopt import adopt
from signing import cms, signers, smime, worker
from tests.signing.evidence import court
from tests.signing.evidence.court import LETTER, bound, contents, state

groups.add(app, ["verify"])
ENTITY = b"Content-Type: text/plain\r\n\r\nbonjour\r\n"
POSTMASTER = "postmaster@interieur.gov.example"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("court")
    (folder / "root.pem").write_bytes(state().root.certificate.public_bytes(Encoding.PEM))
    good = bound(contents())
    (folder / "good.asice").write_bytes(good)
    (folder / "bad.asice").write_bytes(good.replace(b"ContentConsignment", b"ContentConsignmenT"))
    (folder / "cut.asice").write_bytes(good[:500])
    return folder


def asked(files, name, *more):
    done = CliRunner().invoke(app, ["verify", str(files / name), "--root", str(files / "root.pem"), *more])
    return done.exit_code, done.output


def test_a_good_bundle_is_told_in_words_and_for_machines(files):
    code, said = asked(files, "good.asice")
    assert (code, said.splitlines()[-1]) == (0, "Everything is proven.")
    assert "because of 550 5.1.1" in said
    code, said = asked(files, "good.asice", "--json")
    told = json.loads(said)
    assert (code, told["good"], told["digest"]) == (0, True, f"sha256:{sha256(LETTER).hexdigest()}")
    assert [one["record"]["event"] for one in told["records"]][:2] == ["SubmissionAcceptance", "ContentConsignment"]
    assert told["sealed"]["hosts"] == [court.HOST]


def test_what_was_changed_is_named_and_what_is_no_bundle_is_refused(files):
    code, said = asked(files, "bad.asice")
    assert code == 1
    assert "FAILED  evidence/002.json: inclusion: the log does not hold this record" in said
    assert asked(files, "cut.asice")[0] == 2
    (files / "none.pem").write_bytes(b"no")
    assert CliRunner().invoke(app, ["verify", str(files / "good.asice"), "--root", str(files / "none.pem")]).exit_code == 2
    no_node = CliRunner().invoke(app, ["verify", str(files / "good.asice"), "--dir", str(files)])
    assert (no_node.exit_code, "--root" in no_node.output) == (2, True)  # 1 would say that it is not good


async def signed(node):
    """A signature over ENTITY by the node's own seal, which stands for its postmaster."""
    await adopt(node)
    identity = await certify.seal(node)
    to_sign = smime.prepare(ENTITY, identity, node.clock.now_us())
    return cms.finish(to_sign, await node.signer.sign(identity.key_id, to_sign.digest))


def letter(signature, sender=POSTMASTER, entity=ENTITY):
    return f"From: <{sender}>\r\nMIME-Version: 1.0\r\n".encode() + smime.entity(entity, signature, "=_b")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # what it tries is not SQL
async def test_letters_and_signatures_are_judged_as_the_webmail_does(node):
    signature = await signed(node)
    try:
        [good] = await judged.message(node, letter(signature))
        assert (good.status, good.code, good.address, good.reason) == ("valid", "TOTAL_PASSED", POSTMASTER, "good")
        [changed] = await judged.message(node, letter(signature, entity=ENTITY + b"."))
        assert (changed.status, changed.code) == ("invalid", "HASH_FAILURE")
        [other] = await judged.message(node, letter(signature, sender="amina.benali@interieur.gov.example"))
        assert (other.status, other.reason) == ("invalid", "other_address")
        opaque = smime.opaque(signers.enclose(signature, ENTITY))
        [enclosed] = await judged.message(node, f"From: <{POSTMASTER}>\r\n".encode() + opaque)
        assert enclosed.status == "valid"
        [alone] = await judged.signature(node, signature, ENTITY)
        [holding] = await judged.signature(node, signers.enclose(signature, ENTITY), None)
        assert alone == holding
        assert alone.status == "valid"
        assert await judged.message(node, b"From: a@b.example\r\n\r\nbonjour\r\n") == ()
        with pytest.raises(NoContent):
            await judged.signature(node, signature, None)
        with pytest.raises(NotASignature):
            await judged.signature(node, b"0\3\2\1\1", None)
    finally:
        worker.close()
