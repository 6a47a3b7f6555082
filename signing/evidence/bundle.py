"""An evidence bundle: a letter and all that proves what became of it, in one file that outlives the node. Pure.

ETSI EN 319 162-1 (ASiC-E with CAdES): a zip with `mimetype` first, the files, a list of their digests (§A.4) and a signature over that.
The container has one form only (nothing compressed, no dates, no comments), so that no octet of it can change without being noticed.

    message.eml                              what was sent, octet for octet
    evidence/001.json, 001.proof             a record, and where it stands in the log
    checkpoints/1.note, 1.p7s, keys.txt      what the log was, sealed and stamped; the keys of the log and of its witnesses
    certificates/1.der                       every certificate that any signature here needs, roots too
    revocation/1.crl, 2.ocsp                 what was said of them at the time
    META-INF/ASiCManifest001.xml             the digests of all of these
    META-INF/signature001.p7s                the node's seal over that, stamped
"""

import base64
import json
import re
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

MIMETYPE, MIMETYPE_NAME = b"application/vnd.etsi.asic-e+zip", "mimetype"
MESSAGE, KEYS = "message.eml", "checkpoints/keys.txt"
MANIFEST, SIGNATURE = "META-INF/ASiCManifest001.xml", "META-INF/signature001.p7s"
MAX_BYTES = 256 << 20  # of a bundle: a letter of 100 MB, the largest that a node can be set to accept, with room to spare
MAX_CONTAINER_BYTES = MAX_BYTES + (1 << 20)  # with what stands between the files
MAX_FILES = 4096  # a circular is proved to one recipient at a time; a letter to 500 recipients has some 1,000 records

_LOCAL, _CENTRAL, _END = (
    struct.Struct("<4s5H3L2H"),
    struct.Struct("<4s6H3L5H2L"),
    struct.Struct("<4s4H2LH"),
)  # APPNOTE §4.3.7, §4.3.12, §4.3.16
_VERSION, _DAY = 20, 0x21  # 1980-01-01, the first that a zip can name
_UNIX, _MODE = 3 << 8 | _VERSION, 0o600 << 16  # as Python's `zipfile` writes one, so that a court's program needs no more than that
_NAME = re.compile(
    r"mimetype|message\.eml|evidence/[0-9]{3,4}\.(?:json|proof)|checkpoints/(?:[0-9]{1,4}\.(?:note|p7s)|keys\.txt)"
    r"|certificates/[0-9]{1,4}\.der|revocation/[0-9]{1,4}\.(?:crl|ocsp)|META-INF/(?:ASiCManifest001\.xml|signature001\.p7s)"
)
_TYPES = {
    "eml": "message/rfc822",
    "json": "application/json",
    "proof": "application/json",
    "note": "text/plain",
    "txt": "text/plain",
    "p7s": "application/pkcs7-signature",
    "der": "application/pkix-cert",
    "crl": "application/pkix-crl",
    "ocsp": "application/ocsp-response",
}
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<asic:ASiCManifest xmlns:asic="http://uri.etsi.org/02918/v1.2.1#"'
    ' xmlns:ds="http://www.w3.org/2000/09/xmldsig#">\n'
    f'<asic:SigReference URI="{SIGNATURE}" MimeType="{_TYPES["p7s"]}"/>\n'
)
_LINE = (
    '<asic:DataObjectReference URI="{name}" MimeType="{kind}"><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>'
    "<ds:DigestValue>{digest}</ds:DigestValue></asic:DataObjectReference>\n"
)
_FOOT = "</asic:ASiCManifest>\n"
_REFERENCE = re.compile(r'<asic:DataObjectReference URI="([^"]+)" [^>]*><ds:DigestMethod [^>]*/><ds:DigestValue>([^<]*)<')


class BadBundle(ValueError):
    """Not an evidence bundle, or one that is damaged so that it cannot be read."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Where a record stands: what salts its hash, its number in the log, and its proof (RFC 9162 §2.1.3) up to a checkpoint of `size`."""

    salt: bytes
    index: int
    size: int
    hashes: tuple[bytes, ...]
    checkpoint: str = "checkpoints/1.note"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What the log was: the note with its signatures, and the node's seal over its text."""

    note: bytes
    seal: bytes


@dataclass(frozen=True, slots=True)
class Contents:
    """All that goes into a bundle; `keys` are those that sign notes, as `note.Key.written` has them, the log's own first."""

    message: bytes
    records: tuple[tuple[bytes, Proof], ...]
    checkpoints: tuple[Checkpoint, ...]
    keys: tuple[str, ...]
    certificates: tuple[bytes, ...]
    crls: tuple[bytes, ...] = ()
    ocsps: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Container:
    """The files of a container, and where it is not as it should be: the name of a file, "" for the whole, and what is wrong."""

    files: Mapping[str, bytes]
    faults: tuple[tuple[str, str], ...]


def files(contents: Contents) -> dict[str, bytes]:
    """Return the files that the manifest lists, in their order."""
    found = {MESSAGE: contents.message}
    for number, (record, proof) in enumerate(contents.records, 1):
        found |= {f"evidence/{number:03}.json": record, f"evidence/{number:03}.proof": written_proof(proof)}
    for number, checkpoint in enumerate(contents.checkpoints, 1):
        found |= {f"checkpoints/{number}.note": checkpoint.note, f"checkpoints/{number}.p7s": checkpoint.seal}
    found[KEYS] = "".join([f"{key}\n" for key in contents.keys]).encode()
    found |= {f"certificates/{number}.der": octets for number, octets in enumerate(contents.certificates, 1)}
    found |= {f"revocation/{number}.crl": octets for number, octets in enumerate(contents.crls, 1)}
    return found | {f"revocation/{number}.ocsp": octets for number, octets in enumerate(contents.ocsps, len(contents.crls) + 1)}


def manifest(listed: Mapping[str, bytes]) -> bytes:
    """Return the list of files with their digests, which is what the node seals."""
    return written_manifest([(name, base64.b64encode(sha256(octets).digest()).decode("ascii")) for name, octets in listed.items()])


def written_manifest(listed: Sequence[tuple[str, str]]) -> bytes:
    """Return the list of these names and digests (base64)."""
    lines = [_LINE.format(name=name, kind=_TYPES[name.rpartition(".")[2]], digest=digest) for name, digest in listed]
    return f"{_HEAD}{''.join(lines)}{_FOOT}".encode()


def read_manifest(octets: bytes) -> list[tuple[str, str]]:
    """Return names and digests (base64), in their order. Raises BadBundle for anything that `manifest` would not have written."""
    listed = _REFERENCE.findall(octets.decode("utf-8", "replace"))
    if any(not _NAME.fullmatch(name) for name, _ in listed) or written_manifest(listed) != octets:
        raise BadBundle("the list of files is not written as it should be")
    return listed


def written_proof(proof: Proof) -> bytes:
    """Return a proof as its file holds it: canonical JSON."""
    return canonical(
        {
            "checkpoint": proof.checkpoint,
            "hashes": [one.hex() for one in proof.hashes],
            "index": proof.index,
            "salt": proof.salt.hex(),
            "size": proof.size,
        }
    )


def read_proof(octets: bytes) -> Proof:
    """Read a proof. Raises BadBundle for anything that `written_proof` would not have written."""
    try:
        said = json.loads(octets)
        hashes = tuple([bytes.fromhex(one) for one in said["hashes"]])
        proof = Proof(bytes.fromhex(said["salt"]), int(said["index"]), int(said["size"]), hashes, str(said["checkpoint"]))
        written = written_proof(proof)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadBundle("not a proof of inclusion") from error
    if written != octets:
        raise BadBundle("a proof of inclusion that is written in an unusual way")
    return proof


def canonical(value: object) -> bytes:
    """Return JSON in its one form (RFC 8785), for objects with ASCII names, lists, strings and integers."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def pack(listed: Mapping[str, bytes], sealed_manifest: bytes, signature: bytes) -> bytes:
    """Return the bundle. Raises BadBundle when it would be too large."""
    whole = {MIMETYPE_NAME: MIMETYPE, **listed, MANIFEST: sealed_manifest, SIGNATURE: signature}
    if len(whole) > MAX_FILES or sum(map(len, whole.values())) > MAX_BYTES:
        raise BadBundle(f"a bundle has {MAX_FILES} files and {MAX_BYTES >> 20} MiB at most")
    locals_ = [_local(name, octets) + octets for name, octets in whole.items()]
    return b"".join([*locals_, _directory(whole)])


def unpack(octets: bytes) -> Container:
    """Read a container as far as it can be read. Raises BadBundle for what is none."""
    if not octets.startswith(_local(MIMETYPE_NAME, MIMETYPE) + MIMETYPE):
        raise BadBundle(f"not an evidence bundle: a zip that begins with a file `mimetype` saying {MIMETYPE.decode()}")
    if len(octets) > MAX_CONTAINER_BYTES:
        raise BadBundle(f"a bundle has {MAX_BYTES >> 20} MiB at most")
    found: dict[str, bytes] = {}
    faults: list[tuple[str, str]] = []
    at = 0
    while octets[at : at + 4] == b"PK\3\4" and len(found) < MAX_FILES:
        name, content, after = _member(octets, at)
        if name in found or not _NAME.fullmatch(name):
            raise BadBundle(f"a file {name!r} does not belong into a bundle, or is there twice")
        if octets[at : after - len(content)] != _local(name, content):
            faults.append((name, "what the container says of this file does not fit it"))
        found[name], at = content, after
    if octets[at:] != _directory(found):
        faults.append(("", "the directory of the container was changed"))
    return Container(found, tuple(faults))


def _member(octets: bytes, at: int) -> tuple[str, bytes, int]:
    """Return name and content of a file, and where the next one begins."""
    start = at + _LOCAL.size
    if start > len(octets):
        raise BadBundle("the container is cut short")
    *_, size, _, name_bytes, extra_bytes = _LOCAL.unpack(octets[at:start])
    begins = start + name_bytes + extra_bytes
    name = octets[start : start + name_bytes].decode("ascii", "backslashreplace")
    if begins + size > len(octets):
        raise BadBundle(f"the container is damaged at {name!r}")
    return name, octets[begins : begins + size], begins + size


def _local(name: str, content: bytes) -> bytes:
    """Return what stands before a file in the container."""
    written, size = name.encode(), len(content)
    return _LOCAL.pack(b"PK\3\4", _VERSION, 0, 0, 0, _DAY, zlib.crc32(content), size, size, len(written), 0) + written


def _directory(whole: Mapping[str, bytes]) -> bytes:
    """Return what stands behind the last file."""
    lines, at = [], 0
    for name, content in whole.items():
        written, size = name.encode(), len(content)
        fields = (_UNIX, _VERSION, 0, 0, 0, _DAY, zlib.crc32(content), size, size, len(written), 0, 0, 0, 0, _MODE, at)
        lines.append(_CENTRAL.pack(b"PK\1\2", *fields) + written)
        at += len(_local(name, b"")) + size
    directory = b"".join(lines)
    return directory + _END.pack(b"PK\5\6", 0, 0, len(lines), len(lines), len(directory), at, 0)
