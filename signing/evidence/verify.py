"""What a bundle proves, and if it does not, which part fails which check. Pure.

`docs/verifier.py` does the same without this software, and says the same. RFC 9162 §2.1.3 (inclusion); the checks by their names:

    container    nothing stands between the files         record       written in its one form, saying what it must
    manifest     the files are those that were sealed     message      the letter is the one that the record is about
    signature    the seals are genuine                    inclusion    the record stands in the log
    stamp        a clock saw them                         checkpoint   the log and its witnesses have signed what it was
    certificate  whoever sealed was certified for it      revocation   and was not revoked by then
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeVar

from cryptography.hazmat.primitives.hashes import SHA256

from signing import genuine
from signing.evidence import bundle, checkpoint, merkle, note, record, sealed
from signing.evidence.bundle import BadBundle, Proof
from signing.evidence.note import ED25519, BadNote, Key
from signing.evidence.record import BadRecord, Record
from signing.evidence.sealed import Failed, Sealed, Trust
from signing.pki.revocation import Material
from signing.verdict import SKEW_US

WHOLE = "the whole bundle"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fault:
    """Which part of a bundle fails which check, and what is wrong."""

    part: str
    check: str
    said: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A checkpoint that is good: the size and root of the log, who has cosigned it, who sealed it and when."""

    size: int
    root: bytes
    witnesses: tuple[str, ...]
    sealed: Sealed


@dataclass(frozen=True, slots=True)
class Proven:
    """A record that stands in the log, in which file of the bundle it is, its number there and the checkpoint that shows it."""

    file: str
    record: Record
    index: int
    mark: Mark


@dataclass(frozen=True, slots=True)
class Report:
    """What a bundle says. Nothing is proven as long as there is a fault."""

    message_bytes: int
    digest: str
    records: tuple[Proven, ...]
    sealed: Sealed | None
    faults: tuple[Fault, ...]
    roots: tuple[str, ...]  # SHA-256 of the certificates in it that are their own issuers, to be compared with what was published


def verify(octets: bytes, roots: tuple[bytes, ...], at_us: int) -> Report:
    """Verify a bundle by roots (DER) at a moment. Raises BadBundle for what is none."""
    container = bundle.unpack(octets)
    files, faults = container.files, _Faults()
    _manifest(files, faults)
    by = faults.trying(
        bundle.SIGNATURE, "signature", _sealed, files, bundle.MANIFEST, bundle.SIGNATURE, trust := _trust(files, roots, at_us)
    )
    keys = faults.trying(bundle.KEYS, "checkpoint", _keys, files) or ()
    marks = _marks(files, keys, trust, faults)
    digest = record.digest_name(sha256(files.get(bundle.MESSAGE, b"")).digest())
    found = []
    for name in [name for name in files if name.startswith("evidence/") and name.endswith(".json")]:
        proof = faults.trying(name, "inclusion", _included, files, name, marks)
        said = faults.trying(name, "record", record.read, files[name])
        if said is not None and said.digest != digest:
            faults.add(name, "message", "this record is about another message than the one in this bundle")
        if said is not None and proof is not None:
            found.append(Proven(name, said, proof.index, mark := marks[proof.checkpoint]))
            _agree(name, said, mark, by, faults)
    if not faults.found and (container.faults or not found):  # what is wrong with a file is wrong in the container, too
        part, what = container.faults[0] if container.faults else ("", "there is no record in it")
        faults.add(part or WHOLE, "container", what)
    return Report(len(files.get(bundle.MESSAGE, b"")), digest, tuple(found), by, tuple(faults.found), _roots(trust))


class _Faults:
    """What was found to be wrong so far."""

    def __init__(self) -> None:
        self.found: list[Fault] = []

    def add(self, part: str, check: str, what: str) -> None:
        self.found.append(Fault(part, check, what))

    def trying(self, part: str, check: str, work: Callable[..., T], *values: object) -> T | None:
        """Return what a check finds, None when it fails."""
        try:
            return work(*values)
        except Failed as failed:
            self.add(part, failed.check, failed.said)
        except (BadBundle, BadNote, BadRecord) as error:
            self.add(part, check, str(error))
        except KeyError as error:
            self.add(part, check, f"{error.args[0]} is missing")
        return None


def _manifest(files: Mapping[str, bytes], faults: _Faults) -> None:
    """Each file must be in the list as it is, each one in the list must be there; that the list is genuine is the seal's to say."""
    try:
        listed = dict(bundle.read_manifest(files.get(bundle.MANIFEST, b"")))
    except BadBundle as error:
        faults.add(bundle.MANIFEST, "manifest", str(error))
        return
    unlisted = (bundle.MIMETYPE_NAME, bundle.MANIFEST, bundle.SIGNATURE)
    for name in {**files, **listed}:
        if name not in files:
            faults.add(name, "manifest", "this file is missing")
        elif name not in listed and name not in unlisted:
            faults.add(name, "manifest", "the node did not seal this file")
        elif name in listed and base64.b64encode(sha256(files[name]).digest()).decode("ascii") != listed[name]:
            faults.add(name, "manifest", "this file was changed after the node sealed it")


def _trust(files: Mapping[str, bytes], roots: tuple[bytes, ...], at_us: int) -> Trust:
    def ending(end: str) -> tuple[bytes, ...]:
        return tuple([octets for name, octets in files.items() if name.endswith(end)])

    return Trust(roots, ending(".der"), Material(ending(".crl"), ending(".ocsp")), at_us)


def _sealed(files: Mapping[str, bytes], content: str, seal: str, trust: Trust) -> Sealed:
    return sealed.check(files[content], files[seal], trust)


def _keys(files: Mapping[str, bytes]) -> tuple[Key, ...]:
    try:
        return tuple([note.key(line) for line in files[bundle.KEYS].decode().splitlines()])
    except UnicodeDecodeError as error:
        raise BadNote("not keys") from error


def _marks(files: Mapping[str, bytes], keys: tuple[Key, ...], trust: Trust, faults: _Faults) -> dict[str, Mark]:
    """Return the checkpoints that are good."""
    marks = {}
    for name in [name for name in files if name.endswith(".note")]:
        read = faults.trying(name, "checkpoint", _note, files[name], keys)
        if read is not None:
            text, said, witnesses = read
            seal = name.removesuffix(".note") + ".p7s"
            by = faults.trying(seal, "signature", _sealed, {**files, name: text}, name, seal, trust)
            if by is not None:
                marks[name] = Mark(said.size, said.root, witnesses, by)
    return marks


def _note(octets: bytes, keys: tuple[Key, ...]) -> tuple[bytes, checkpoint.Checkpoint, tuple[str, ...]]:
    """Return the text of a note, what it says of the log and who has cosigned it."""
    read = note.read(octets)
    said = checkpoint.read(read.text)
    signers = note.signers(read, keys)
    known = {(one.name, one.key_id) for one in signers}
    for one in read.signatures:
        if (one.name, one.key_id) not in known:
            raise BadNote(f"signed with a key of {one.name} that is not in {bundle.KEYS}")
    if not any(one.name == said.origin and one.kind == ED25519 for one in signers):
        raise BadNote("the log has not signed it")
    return read.text.encode(), said, tuple([one.name for one in signers if one.kind != ED25519])


def _included(files: Mapping[str, bytes], name: str, marks: Mapping[str, Mark]) -> Proof:
    """Return the proof that a record is in the log."""
    proof = bundle.read_proof(files[name.removesuffix(".json") + ".proof"])
    mark = marks.get(proof.checkpoint)
    if mark is None:
        raise Failed("inclusion", "the checkpoint that it is proven against is missing or not good")
    leaf = merkle.leaf_hash(record.entry(proof.salt, files[name]))
    if proof.size != mark.size or not merkle.is_included(leaf, proof.index, mark.size, proof.hashes, mark.root):
        raise Failed("inclusion", "the log does not hold this record: it was changed, or never written")
    return proof


def _agree(name: str, said: Record, mark: Mark, by: Sealed | None, faults: _Faults) -> None:
    """A record cannot be from after its seal, nor of another node than the one that sealed."""
    if said.at > mark.sealed.at_us + SKEW_US:
        faults.add(name, "record", "it says that it was written after it was sealed")
    if said.issuer not in mark.sealed.hosts or (by is not None and said.issuer not in by.hosts):
        faults.add(name, "certificate", f"it says that {said.issuer} wrote it, and the seal is not of that node")


def _roots(trust: Trust) -> tuple[str, ...]:
    return tuple([one.fingerprint(SHA256()).hex() for one in genuine.loaded(trust.certificates) if one.subject == one.issuer])
