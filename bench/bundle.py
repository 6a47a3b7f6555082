"""Bundles of evidence: what the first verification of one costs a process that knows nothing yet, ours and a court's.

The bundle is that of a letter of 100 KB with three records in a log of 100 million, whose proofs have 27 hashes; its keys are in a real
signer. Loading the libraries is not counted.
"""

import asyncio
import importlib.util
import secrets
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from bench.figures import Measure
from bench.measures import ASKED, OURS
from bench.rounds import Run, section
from config import log
from config.clock import DAY_US, SystemClock
from signing import cms
from signing.cms import SigningIdentity
from signing.evidence import bundle, checkpoint, merkle, note, record, seal, verify
from signing.evidence.bundle import Checkpoint, Contents, Proof
from signing.evidence.record import Record
from signing.keys import Signer
from signing.pki import ca, crl
from signing.pki.ca import Authority
from signing.pki.crl import Head
from signing.pki.profiles import Subject
from signing.process import running
from signing.tsa import TimeAuthority

DEADLINE_S = 120.0
MOST_MS = 50.0  # that are asked for
HOST, ORIGIN = "mail.interieur.gov.example", "mail.interieur.gov.example/evidence"
LEAVES, LETTER_BYTES = 100_000_000, 100_000
EVENTS = ("SubmissionAcceptance", "RelayAcceptance", "ContentConsignment")
PROGRAM = Path(__file__).parent.parent / "docs/verifier.py"

FIRST = Measure("bundle/first", "CPU of the first verification of a bundle of evidence", "ms", "lower", {ASKED: 1})
AGAIN = Measure("bundle/again", "CPU of the same once its certificates are known", "ms", "lower", {ASKED: 1})
COURT = Measure("bundle/court", "CPU of the first verification by docs/verifier.py", "ms", "lower", {ASKED: 1})


async def made(signer: Signer, now_us: int) -> tuple[bytes, bytes]:
    """Return a bundle and the root that it leads to."""
    root = await ca.create_root(signer, "Racine", now_us)
    nodes = await ca.create_issuing_ca(signer, root, "Machines", (), now_us, key_id="ca-nodes", purpose="node")
    times = await ca.create_issuing_ca(signer, root, "Horloges", (), now_us, key_id="ca-times", purpose="tsa")
    who = Subject(HOST, addresses=(f"postmaster@{HOST}",), hosts=(HOST,))
    node = await ca.issue(signer, nodes, "node", who, await signer.generate("node-seal", "p256"), now_us)
    clock = await ca.issue(signer, times, "tsa", Subject("Horloge"), await signer.generate("tsa", "p256"), now_us)
    identity = SigningIdentity("node-seal", node, nodes.issued_chain)
    stamp = TimeAuthority(signer, SigningIdentity("tsa", clock, times.issued_chain), SystemClock()).stamp

    message = b"Subject: x\r\n\r\n" + secrets.token_hex(LETTER_BYTES // 2).encode()
    records, path = [_record(event, message, now_us) for event in EVENTS], [secrets.token_bytes(32) for _ in range(27)]
    entries = [(octets, salt := secrets.token_bytes(32), record.entry(salt, octets)) for octets in records]
    proofs, top = _proofs([merkle.leaf_hash(entry) for _, _, entry in entries], path)
    signed = await seal.signed(signer, key := await seal.log_key(signer, ORIGIN), checkpoint.Checkpoint(ORIGIN, LEAVES, top))
    sealed = await seal.sealed(signer, identity, signed.text, now_us, stamp)
    lists = [await _list(signer, authority, now_us) for authority in (root, nodes, times)]
    inside = Contents(
        message,
        tuple((octets, Proof(salt, at, LEAVES, proof)) for at, ((octets, salt, _), proof) in enumerate(zip(entries, proofs, strict=True))),
        (Checkpoint(note.write(signed), sealed.octets),),
        (key.written(),),
        (node, nodes.certificate, clock, times.certificate, root.certificate),
        tuple(lists),
    )
    listed = bundle.files(inside)
    manifest = bundle.manifest(listed)
    to_sign = cms.prepare(manifest, identity, now_us)
    signature = await signer.sign("node-seal", to_sign.digest)
    return bundle.pack(listed, manifest, cms.finish(to_sign, signature, timestamp=await stamp(signature))), root.certificate


def _record(event: str, message: bytes, now_us: int) -> bytes:
    return record.write(
        Record(
            at=now_us,
            digest=record.digest_name(sha256(message).digest()),
            event=event,  # type: ignore[arg-type]
            id=secrets.token_hex(16),
            issuer=HOST,
            message="1@interieur.gov.example",
            policy=f"http://{HOST}/evidence/policy.txt",
            queue="6DQDPN8038AT3",
            recipients=("karim@interieur.gov.example",),
            sender="amina@interieur.gov.example",
        )
    )


def _proofs(leaves: list[bytes], path: list[bytes]) -> tuple[list[tuple[bytes, ...]], bytes]:
    """Return proofs that leaves are the first three of a log of 100 million, and its root; the rest of the log is chance."""
    (first, second, third), last = leaves, path[0]
    left, right = merkle.node_hash(first, second), merkle.node_hash(third, last)
    top = merkle.node_hash(left, right)
    above = tuple(path[1:26])
    for other in above:
        top = merkle.node_hash(top, other)
    return [(second, right, *above), (first, right, *above), (last, left, *above)], top


async def _list(signer: Signer, authority: Authority, now_us: int) -> bytes:
    to_sign = crl.prepare(authority.certificate, Head(1, now_us, now_us + 7 * DAY_US), ())
    return crl.finish(to_sign, await signer.sign(authority.key_id, to_sign.digest))


def spent(which: str, file: Path, root: Path) -> list[float]:
    """Return the milliseconds of CPU that verifications take in a process of their own."""
    done = subprocess.run([sys.executable, "-m", "bench.bundle", which, str(file), str(root)], capture_output=True, text=True, check=True)
    return [float(one) for one in done.stdout.split()]


async def measure(run: Run) -> None:
    """Verify in rounds, each in a new process."""
    log.configure("warning")
    with tempfile.TemporaryDirectory(prefix="diwan-bench-") as folder:
        file, root = Path(folder) / "b.asice", Path(folder) / "root.der"
        async with running(Path(folder)) as signer, section(run, "bundle", DEADLINE_S):
            octets, certificate = await made(signer, SystemClock().now_us())
            file.write_bytes(octets)
            root.write_bytes(certificate)
            for _ in range(run.plan.rounds):
                first, again = await asyncio.to_thread(spent, "ours", file, root)
                [court] = await asyncio.to_thread(spent, "court", file, root)
                for kind, value in ((FIRST, first), (AGAIN, again), (COURT, court)):
                    run.board.add(kind, OURS, value)
                    run.board.add(kind, ASKED, MOST_MS)


def _ours(octets: bytes, root: bytes) -> None:
    report = verify.verify(octets, (root,), SystemClock().now_us())
    assert not report.faults, report.faults


def _child(which: str, octets: bytes, root: bytes) -> list[float]:
    """Verify here and say what that took."""
    spec = importlib.util.spec_from_file_location("verifier", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    began = time.process_time()
    if which == "court":
        _, faults = program.verify(octets, {sha256(root).digest()}, datetime.now(UTC))
        assert not faults, faults
        return [(time.process_time() - began) * 1000]
    _ours(octets, root)
    middle = time.process_time()
    _ours(octets, root)
    return [(middle - began) * 1000, (time.process_time() - middle) * 1000]


if __name__ == "__main__":
    print(*_child(sys.argv[1], Path(sys.argv[2]).read_bytes(), Path(sys.argv[3]).read_bytes()))
