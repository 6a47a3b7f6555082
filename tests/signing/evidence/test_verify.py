"""Whatever is changed in a bundle, by whomever, is found and named; by us and by the program that a court runs, alike."""

import ast
import importlib.util
import io
import os
import random
import secrets
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signing import cms, timestamp
from signing.algorithms import SHA256
from signing.evidence import bundle, note
from signing.evidence.bundle import BadBundle, Checkpoint, Contents
from signing.evidence.verify import Report, verify
from tests.signing.evidence import court
from tests.signing.evidence.court import DAY_US, HOST, LETTER, MAIL, NOW_US, TIMES, bound, certify, contents, happened, moment, state

FLIPS = int(os.environ.get("DIWAN_FLIPS", "25"))  # octets of a bundle that are changed, one at a time; 0 for all of them
PROGRAM = Path(__file__).parents[3] / "docs/verifier.py"
SOON_US = NOW_US + 3_600_000_000
FIRST, SECOND, THIRD, SEAL = "evidence/001.json", "evidence/002.json", "evidence/003.json", "checkpoints/1.p7s"
Found = list[tuple[str, str]]


@pytest.fixture(scope="session")
def program() -> ModuleType:
    spec = importlib.util.spec_from_file_location("verifier", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def inside() -> Contents:
    return contents()


@pytest.fixture(scope="session")
def good(inside: Contents) -> bytes:
    return bound(inside)


def ours(octets: bytes, at_us: int = SOON_US, root: court.Party | None = None) -> Report:
    return verify(octets, ((root or state().root).der,), at_us)


def theirs(program: ModuleType, octets: bytes, at_us: int = SOON_US, root: court.Party | None = None) -> tuple[dict[str, Any], Found]:
    found, faults = program.verify(octets, {(root or state().root).certificate.fingerprint(hashes.SHA256())}, moment(at_us))
    return found, [(part, check) for part, check, _ in faults]


def faults(report: Report) -> Found:
    return [(one.part, one.check) for one in report.faults]


def both(program: ModuleType, octets: bytes, at_us: int = SOON_US, root: court.Party | None = None) -> Found:
    """Return what is wrong, which both say."""
    found = faults(ours(octets, at_us, root))
    assert theirs(program, octets, at_us, root)[1] == found
    return found


def test_a_good_bundle_is_proven_and_both_say_the_same_of_it(program: ModuleType, good: bytes) -> None:
    report, (found, wrong) = ours(good), theirs(program, good)
    assert (report.faults, wrong) == ((), [])
    assert [one.record.event for one in report.records] == ["SubmissionAcceptance", "ContentConsignment", "ContentConsignmentFailure"]
    assert [one.index for one in report.records] == [one["index"] for one in found["records"]] == [10, 11, 12]
    assert report.records[0].mark.witnesses == ("witness.example",)
    assert report.sealed is not None
    assert (report.sealed.name, report.sealed.hosts, report.sealed.at_us) == (HOST, (HOST,), NOW_US)
    assert report.digest == f"sha256:{found['sha256']}" == f"sha256:{sha256(LETTER).hexdigest()}"
    assert report.roots == (state().root.certificate.fingerprint(hashes.SHA256()).hex(),)


@pytest.mark.filterwarnings("ignore:Parsed a serial number")  # a certificate that was changed just there
def test_any_octet_that_changes_is_found(program: ModuleType, good: bytes) -> None:
    """Of the container, of files, and of what no signature covers: the frames of seals and stamps."""
    places = random.sample(range(len(good)), FLIPS) if FLIPS else range(len(good))
    for at in places:
        changed = good[:at] + bytes([good[at] ^ 1 << random.randrange(8)]) + good[at + 1 :]
        try:
            assert faults(ours(changed)), at
        except BadBundle:
            pass
        try:
            assert theirs(program, changed)[1], at
        except (ValueError, NotImplementedError, program.zipfile.BadZipFile):
            pass


def test_each_octet_of_a_seal_is_found_in_a_container_that_fits(program: ModuleType, inside: Contents) -> None:
    """So that it is the reader of signatures that finds it, not a checksum."""
    listed = bundle.files(inside)
    written = bundle.manifest(listed)
    seal = state().seal.seal(written, NOW_US, state().clock)
    for at in random.sample(range(len(seal)), FLIPS) if FLIPS else range(len(seal)):
        changed = seal[:at] + bytes([seal[at] ^ 1 << random.randrange(8)]) + seal[at + 1 :]
        octets = bundle.pack(listed, written, changed)
        ((part, check), *_) = faults(ours(octets))
        assert part == bundle.SIGNATURE
        assert check in ("signature", "stamp", "certificate"), at
        assert theirs(program, octets)[1][0][0] == bundle.SIGNATURE, at


def repacked(good: bytes, change: Callable[[dict[str, bytes]], None]) -> bytes:
    """A bundle whose files somebody changed who has no key, in a container that fits."""
    files = dict(bundle.unpack(good).files)
    change(files)
    kept = {name: octets for name, octets in files.items() if name not in (bundle.MIMETYPE_NAME, bundle.MANIFEST, bundle.SIGNATURE)}
    return bundle.pack(kept, files[bundle.MANIFEST], files[bundle.SIGNATURE])


STRANGERS: dict[str, tuple[Callable[[dict[str, bytes]], Any], Found]] = {
    "letter": (
        lambda f: f.update({"message.eml": f["message.eml"] + b"."}),
        [("message.eml", "manifest"), *[(name, "message") for name in (FIRST, SECOND, THIRD)]],
    ),
    "record": (
        lambda f: f.update({SECOND: f[SECOND].replace(b"ContentConsignment", b"SubmissionAcceptance")}),
        [(SECOND, "manifest"), (SECOND, "inclusion")],
    ),
    "record-gone": (lambda f: f.pop(SECOND), [(SECOND, "manifest")]),
    "records-exchanged": (
        lambda f: f.update({FIRST: f[SECOND], SECOND: f[FIRST]}),
        [(FIRST, "manifest"), (SECOND, "manifest"), (FIRST, "inclusion"), (SECOND, "inclusion")],
    ),
    "certificate-more": (lambda f: f.update({"certificates/9.der": certify("x").der}), [("certificates/9.der", "manifest")]),
    "manifest": (
        lambda f: f.update({bundle.MANIFEST: f[bundle.MANIFEST].replace(b"message/rfc822", b"message/rfc821")}),
        [(bundle.MANIFEST, "manifest"), (bundle.SIGNATURE, "signature")],
    ),
    "seal-gone": (lambda f: f.update({bundle.SIGNATURE: b""}), [(bundle.SIGNATURE, "signature")]),
    "lists-gone": (
        lambda f: [f.pop(f"revocation/{n}.crl") for n in (1, 2, 3)],
        [*[(f"revocation/{n}.crl", "manifest") for n in (1, 2, 3)], (bundle.SIGNATURE, "revocation"), (SEAL, "revocation")]
        + [(name, "inclusion") for name in (FIRST, SECOND, THIRD)],
    ),
}


@pytest.mark.parametrize("case", STRANGERS)
def test_what_a_stranger_changes_is_named(program: ModuleType, good: bytes, case: str) -> None:
    change, expected = STRANGERS[case]
    octets = repacked(good, change)
    found = faults(ours(octets))
    assert found == expected
    assert [one for one in theirs(program, octets)[1] if one != (bundle.MANIFEST, "manifest")] == [
        one for one in expected if one != (bundle.MANIFEST, "manifest")
    ], "a list that is written otherwise is another list: the program of a court leaves that to the seal"


def rewritten(inside: Contents, number: int, change: Callable[[bytes], bytes]) -> Contents:
    """What a node would seal that has changed one of its records."""
    records = list(inside.records)
    records[number] = change(records[number][0]), records[number][1]
    return replace(inside, records=tuple(records))


NAMES = [name for name in bundle.unpack(bound(contents())).files if name != bundle.MIMETYPE_NAME]


@pytest.mark.filterwarnings("ignore")
@settings(
    max_examples=int(os.environ.get("DIWAN_EXAMPLES", "20")), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(changed=st.dictionaries(st.sampled_from(NAMES), st.sampled_from(NAMES) | st.binary(max_size=300), min_size=1, max_size=4))
def test_files_of_any_content_are_faults_and_nothing_worse(program: ModuleType, good: bytes, changed: dict[str, str | bytes]) -> None:
    files = dict(bundle.unpack(good).files)
    put = {name: files[other] if isinstance(other, str) else other for name, other in changed.items()}
    octets = repacked(good, lambda kept: kept.update(put))
    same = all(files[name] == content for name, content in put.items())
    assert bool(ours(octets).faults) != same
    assert bool(theirs(program, octets)[1]) != same


def test_what_the_node_itself_changes_afterwards_is_named(program: ModuleType, inside: Contents) -> None:
    """It can seal again what it likes; it cannot put it into the log, which others have signed."""
    later = rewritten(inside, 1, lambda one: one.replace(b"ContentConsignment", b"RelayAcceptance"))
    assert both(program, bound(later)) == [(SECOND, "inclusion")]
    assert both(program, bound(replace(inside, message=LETTER + b"."))) == [(name, "message") for name in (FIRST, SECOND, THIRD)]
    elsewhere = replace(inside.records[0][1], index=11)
    assert both(program, bound(replace(inside, records=((inside.records[0][0], elsewhere),)))) == [(FIRST, "inclusion")]
    another = Checkpoint(inside.checkpoints[0].note.replace(b"\n13\n", b"\n14\n"), inside.checkpoints[0].seal)
    assert both(program, bound(replace(inside, checkpoints=(another,))))[0] == ("checkpoints/1.note", "checkpoint")


def test_a_checkpoint_needs_the_log_and_names_nobody_whose_key_is_not_there(program: ModuleType, inside: Contents) -> None:
    note_ = note.read(inside.checkpoints[0].note)
    alone = note.write(replace(note_, signatures=note_.signatures[1:]))
    for changed in (replace(inside, checkpoints=(Checkpoint(alone, inside.checkpoints[0].seal),)), replace(inside, keys=inside.keys[:1])):
        assert both(program, bound(changed))[0] == ("checkpoints/1.note", "checkpoint")


def test_records_say_what_they_must_and_when_they_can(program: ModuleType) -> None:
    without = happened("RelayFailure")
    start, end = without.index(b'"reasons":[') + 11, without.index(b'],"recipients"')
    for octets in (without[:start] + without[end:], b" " + without, without.replace(b'"v":1', b'"v":2'), b"[]", b"\xff"):
        assert both(program, bound(contents(("RelayFailure",), records=(octets,)))) == [(FIRST, "record")]
    for at_us in (1 << 63, -1):
        assert both(program, bound(contents(("ContentConsignment",), records=(happened("ContentConsignment", at_us=at_us),)))) == [
            (FIRST, "record")
        ]
    later = happened("ContentConsignment", at_us=NOW_US + DAY_US)
    assert both(program, bound(contents(("ContentConsignment",), records=(later,)))) == [(FIRST, "record")]
    other = happened("ContentConsignment").replace(HOST.encode(), b"mail.elsewhere.gov.example", 1)
    assert both(program, bound(contents(("ContentConsignment",), records=(other,)))) == [(FIRST, "certificate")]


def under(inside: Contents, by: court.Party, clock: court.Party | None, more: tuple[court.Party, ...] = (), **when: int) -> bytes:
    """A bundle that somebody else seals, whose certificates are in it."""
    listed = bundle.files(replace(inside, certificates=(*inside.certificates, *(one.der for one in more))))
    written = bundle.manifest(listed)
    return bundle.pack(listed, written, by.seal(written, when.get("at_us", NOW_US), clock, when.get("stamped_us")))


def test_nobody_else_seals_for_a_node(program: ModuleType, inside: Contents) -> None:
    """Whoever has a certificate for letters can sign what they like: it is not for this host."""
    held = state()
    clerk = certify("Un agent", held.nodes, purposes=MAIL)
    assert both(program, under(inside, clerk, held.clock, (clerk,))) == [(one, "certificate") for one in (FIRST, SECOND, THIRD)]
    assert both(program, under(inside, clerk, held.clock)) == [(bundle.SIGNATURE, "signature")], "a certificate that is not listed"
    server = certify(HOST, held.nodes, purposes=(court.ExtendedKeyUsageOID.SERVER_AUTH,), host=HOST)
    assert both(program, under(inside, server, held.clock, (server,))) == [(bundle.SIGNATURE, "certificate")]
    foreign = certify("Elsewhere", ca=True)
    stranger = certify(HOST, foreign, purposes=MAIL, host=HOST)
    assert both(program, under(inside, stranger, held.clock, (stranger, foreign))) == [(bundle.SIGNATURE, "certificate")]
    below = certify(HOST, held.seal, purposes=MAIL, host=HOST)
    assert both(program, under(inside, below, held.clock, (below,))) == [(bundle.SIGNATURE, "certificate")], "a seal certifies nobody"


def test_a_seal_needs_a_stamp_of_a_clock_and_times_that_agree(program: ModuleType, inside: Contents) -> None:
    held = state()
    assert both(program, under(inside, held.seal, None)) == [(bundle.SIGNATURE, "stamp")]
    liar = certify("Montre", held.nodes, purposes=MAIL)
    assert both(program, under(inside, held.seal, liar, (liar,))) == [(bundle.SIGNATURE, "certificate")]
    assert both(program, under(inside, held.seal, held.clock, stamped_us=NOW_US - 3_600_000_000)) == [(bundle.SIGNATURE, "stamp")]
    assert both(program, under(inside, held.seal, held.clock, at_us=NOW_US + DAY_US)) == [(bundle.SIGNATURE, "stamp")]


def test_a_bundle_outlives_the_certificate_of_its_seal_but_not_that_of_the_clock(program: ModuleType, good: bytes) -> None:
    assert both(program, good, NOW_US + 1000 * DAY_US) == []
    assert (bundle.SIGNATURE, "stamp") in both(program, good, NOW_US + 2990 * DAY_US)


def test_another_root_trusts_nothing(program: ModuleType, good: bytes) -> None:
    found = both(program, good, root=certify("Elsewhere", ca=True))
    assert found[:2] == [(bundle.SIGNATURE, "certificate"), (SEAL, "certificate")]


@pytest.mark.parametrize("who", ["seal", "clock", "nodes"])
def test_who_was_revoked_before_seals_nothing_and_who_was_later_has(program: ModuleType, inside: Contents, who: str) -> None:
    party = getattr(state(), who)
    before = replace(inside, crls=state().crls((party,), NOW_US - 3_600_000_000))
    assert both(program, bound(before))[:1] == [(bundle.SIGNATURE, "revocation")]
    after = replace(inside, crls=state().crls((party,), NOW_US + 3_600_000_000))
    assert both(program, bound(after)) == []


def test_a_list_of_changes_says_who_was_revoked_since(program: ModuleType, inside: Contents) -> None:
    held = state()
    serial, since_us = held.seal.certificate.serial_number, NOW_US - 1_800_000_000
    change = held.nodes.crl({serial: since_us}, since_us, 1, court.x509.DeltaCRLIndicator(1), number=2)
    octets = bound(replace(inside, crls=(*inside.crls, change)))
    assert both(program, octets)[0] == (bundle.SIGNATURE, "revocation")
    nothing = held.nodes.crl({}, since_us, 1, court.x509.DeltaCRLIndicator(1), number=2)
    assert both(program, bound(replace(inside, crls=(*inside.crls, nothing)))) == []
    root, _, times = inside.crls
    assert both(program, bound(replace(inside, crls=(root, nothing, times))))[0] == (bundle.SIGNATURE, "revocation")


def test_lists_count_that_are_of_the_issuer_of_the_time_and_of_this_certificate(program: ModuleType, inside: Contents) -> None:
    held = state()
    root, _, times = inside.crls
    stale = held.nodes.crl({}, NOW_US - 30 * DAY_US)
    foreign = certify("Nodes", held.root, ca=True).crl({}, NOW_US - 1)
    url = court.x509.UniformResourceIdentifier("http://pki.gov.example/crl/other.crl")
    part = held.nodes.crl({}, NOW_US - 1, 7, court.x509.IssuingDistributionPoint([url], None, False, False, None, False, False))
    for other in (stale, foreign, part, times):
        assert (bundle.SIGNATURE, "revocation") in both(program, bound(replace(inside, crls=(root, other, times))))


def test_the_program_of_a_court_is_one_short_file_that_needs_one_library() -> None:
    text = PROGRAM.read_text("utf-8")
    assert len(text.splitlines()) < 400
    names = {alias.name.partition(".")[0] for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import) for alias in node.names}
    names |= {(node.module or "").partition(".")[0] for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)}
    assert names - sys.stdlib_module_names == {"cryptography"}


def test_the_program_says_what_is_proven_and_ends_with_0_1_or_2(tmp_path: Path, inside: Contents) -> None:
    (tmp_path / "root.pem").write_bytes(state().root.certificate.public_bytes(court.serialization.Encoding.PEM))
    (tmp_path / "b.asice").write_bytes(bound(inside))
    (tmp_path / "none").write_bytes(b"PK\3\4" + secrets.token_bytes(100))
    fingerprint = state().root.certificate.fingerprint(hashes.SHA256()).hex(":")
    cases = {("b.asice", "root.pem"): 0, ("b.asice", "00" * 32): 1, ("none", fingerprint): 2}
    seen = {}
    for case in cases:
        name, root = case
        command = [sys.executable, "-I", PROGRAM, name, "--root", root]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        seen[case] = done.returncode
        last = done.stdout.splitlines()[-1:]
        assert {0: last == ["Everything is proven."], 1: "FAILED  " in done.stdout, 2: not last}[done.returncode], done.stdout + done.stderr
    assert seen == cases


def zipped(listed: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as container:
        for name, content in {bundle.MIMETYPE_NAME: bundle.MIMETYPE, **listed}.items():
            container.writestr(zipfile.ZipInfo(name), content)
    return made.getvalue()


def test_a_small_bundle_does_not_unfold_into_a_large_one(program: ModuleType) -> None:
    """Many entries of the directory for one and the same file: 2 MB would be 2 GB."""
    octets = zipped({"message.eml": bytes(2_000_000), "evidence/001.json": b""})
    at = octets.index(b"PK\1\2", octets.index(b"PK\1\2") + 4)
    entry, end = octets[at : octets.index(b"PK\1\2", at + 4)], octets.rindex(b"PK\5\6")
    begin, count = octets.index(b"PK\1\2"), 1000
    directory = octets[begin:at] + b"".join(entry.replace(b"message.eml", b"m%09d.e" % n)[: len(entry)] for n in range(count))
    tail = bundle._END.pack(b"PK\5\6", 0, 0, count + 1, count + 1, len(directory), begin, 0)
    with pytest.raises(ValueError, match="over each other"):
        program.unzip(octets[:begin] + directory + tail)
    assert end > begin


def test_a_list_of_files_without_end_takes_no_time(program: ModuleType) -> None:
    """It took the square of its length: a minute for half a megabyte, hours for all that a mail may have."""
    octets = zipped({bundle.MANIFEST: b'DataObjectReference URI="x"' * 20_000})
    cpu_s = time.process_time()
    assert theirs(program, octets)[1]
    assert time.process_time() - cpu_s < 5


@pytest.mark.parametrize("name", ["x\nEverything is proven.", "x\x1b[1A\x1b[2KEverything is proven.\x1b[8m", "\u202e.nevorp si gnihtyrevE"])
def test_nothing_in_a_bundle_writes_on_the_terminal_but_in_its_place(
    program: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "b.asice").write_bytes(zipped({name: b""}))
    monkeypatch.setattr(sys, "argv", ["verifier.py", str(tmp_path / "b.asice"), "--root", "00" * 32])
    with pytest.raises(SystemExit):
        program.main()
    said = capsys.readouterr().out
    assert all(line.isprintable() and "Everything" not in line[:10] for line in said.splitlines()[1:])
    assert said.count("manifest") == 1


def openssl(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["openssl", *map(str, arguments)], cwd=cwd, capture_output=True, check=False)


@pytest.mark.peer
def test_openssl_takes_the_seals_of_a_bundle(tmp_path: Path, good: bytes) -> None:
    files = bundle.unpack(good).files
    (tmp_path / "root.pem").write_bytes(state().root.certificate.public_bytes(court.serialization.Encoding.PEM))
    (tmp_path / "text").write_bytes(note.read(files["checkpoints/1.note"]).text.encode())
    (tmp_path / "manifest").write_bytes(files[bundle.MANIFEST])
    for name, content in ((bundle.SIGNATURE, "manifest"), (SEAL, "text")):
        (tmp_path / "seal").write_bytes(files[name])
        command = ("cms", "-verify", "-cades", "-binary", "-inform", "DER", "-in", "seal", "-content", content, "-CAfile", "root.pem")
        done = openssl(*command, "-out", "/dev/null", cwd=tmp_path)
        assert b"CAdES Verification successful" in done.stderr, done.stderr


TSA = """[tsa]
default_tsa = t
[t]
serial = serial
default_policy = 1.2.3.4.1
digests = sha256, sha384
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = sha384
signer_digest = sha384
"""


@pytest.mark.peer
def test_a_stamp_of_another_authority_with_a_key_of_rsa_counts(program: ModuleType, inside: Contents, tmp_path: Path) -> None:
    """Its algorithms have parameters, its certificate is named by another digest, and it stamps now."""
    held, key = state(), rsa.generate_private_key(65_537, 2048)
    clock = certify("Ailleurs", held.times, purposes=TIMES, key=key)
    encoding, form = court.serialization.Encoding.PEM, court.serialization.PrivateFormat.PKCS8
    (tmp_path / "key").write_bytes(key.private_bytes(encoding, form, court.serialization.NoEncryption()))
    (tmp_path / "signer").write_bytes(clock.certificate.public_bytes(encoding))
    (tmp_path / "conf").write_text(TSA)
    (tmp_path / "serial").write_text("01")
    listed = bundle.files(replace(inside, certificates=(*inside.certificates, clock.der)))
    written, now_us = bundle.manifest(listed), time.time_ns() // 1_000_000_000 * 1_000_000
    to_sign = cms.prepare(written, held.seal.identity, now_us)
    signature = held.seal.raw(to_sign.digest)
    (tmp_path / "query").write_bytes(timestamp.request(SHA256, sha256(signature).digest(), 7))
    done = openssl(
        "ts", "-reply", "-config", "conf", "-queryfile", "query", "-signer", "signer", "-inkey", "key", "-out", "token", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    token = timestamp.read_response((tmp_path / "token").read_bytes())
    octets = bundle.pack(listed, written, cms.finish(to_sign, signature, timestamp=token))
    assert both(program, octets, now_us + 60_000_000) == []
    report = ours(octets, now_us + 60_000_000)
    assert report.sealed is not None
    assert report.sealed.at_us >= now_us
