#!/usr/bin/env python3
"""Checks an evidence bundle of Diwan mail: alone, without a network, without Diwan.

    python3 verifier.py BUNDLE --root ROOT

ROOT is the certificate of the state's root (a file, PEM) or its SHA-256 fingerprint as it was published. Needs Python 3.11 and the
library `cryptography`. Exit status: 0 everything is proven, 1 something is not (each line says what, and which check failed), 2 no bundle.

What is proven, if every check passes:

    container    no octet between the files of the bundle was added or changed
    manifest     the files are those that the node sealed: same names, same SHA-256 digests
    signature    the node's seal over the list of files is genuine; likewise its seal over each checkpoint of the log
    stamp        an independent clock saw that seal, at a time that is told
    certificate  whoever sealed or stamped was certified for it, at that time, up to the root that you trust
    revocation   none of these certificates had been revoked by then
    record       each record is written in its one form and says what it must
    message      the message in the bundle is, octet for octet, the one that the record is about
    inclusion    the record stands in the log, at a place that is told; nobody can add, change or remove one later unseen
    checkpoint   the log itself, and the witnesses that it names, have signed the state that the record is proven against

The formats: ASiC-E (ETSI EN 319 162-1), CAdES (ETSI EN 319 122-1), time stamps (RFC 3161), Merkle trees (RFC 9162), signed notes (C2SP).
"""

# fmt: off
import argparse
import base64
import hashlib
import io
import json
import re
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.x509 import verification

SKEW = timedelta(minutes=5)  # two clocks may differ by this much
MANIFEST, SIGNATURE = "META-INF/ASiCManifest001.xml", "META-INF/signature001.p7s"
DATA, SIGNED, TST = (bytes.fromhex(one) for one in ("06092a864886f70d010701", "06092a864886f70d010702", "060b2a864886f70d0109100104"))
CONTENT_TYPE, DIGEST, TIME = (bytes.fromhex("06092a864886f70d01090" + end) for end in "345")
CERTIFICATE, STAMP = (bytes.fromhex("060b2a864886f70d010910" + end) for end in ("022f", "020e"))
SHA2 = {bytes.fromhex("0609608648016503040201"): hashes.SHA256(), bytes.fromhex("0609608648016503040202"): hashes.SHA384(),
        bytes.fromhex("0609608648016503040203"): hashes.SHA512()}
ECDSA = {bytes.fromhex(f"06082a8648ce3d04030{n}"): kind for n, kind in zip("234", SHA2.values(), strict=True)}
RSA = {bytes.fromhex(f"06092a864886f70d01010{n}"): kind for n, kind in zip("bcd", SHA2.values(), strict=True)}
RSA_PLAIN = bytes.fromhex("06092a864886f70d010101")  # leaves the digest to its own field
SEALS = [x509.ObjectIdentifier(one) for one in ("1.3.6.1.5.5.7.3.4", "1.3.6.1.5.5.7.3.36")]  # mail, documents (RFC 9336)
STAMPS = [x509.ObjectIdentifier("1.3.6.1.5.5.7.3.8")]
FIELDS = {"at": int, "v": int, **dict.fromkeys(("recipients", "reasons"), list), **dict.fromkeys((
    "digest", "event", "id", "issuer", "message", "policy", "queue", "sender"), str)}
UNREADABLE = (x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)  # no ValueErrors
NEGATIVE = ("Rejection", "Failure")

class Wrong(Exception):
    """A check that failed: its name and what is wrong."""

def need(good, said, check="signature"):
    if not good:
        raise Wrong(check, said)

# ---- the container: a zip without compression or dates, so that it can be written in one way only
def unzip(octets):
    """Return the files by name, and whether there is nothing else in the container."""
    with zipfile.ZipFile(io.BytesIO(octets)) as bundle:
        known = bundle.infolist()
    if sum(one.file_size for one in known) > len(octets):
        raise ValueError("the files of this container lie over each other")
    begins = [one.header_offset + 30 + len(one.filename) for one in known]
    files = {one.filename: octets[begin : begin + one.file_size] for one, begin in zip(known, begins, strict=True)}
    again = io.BytesIO()
    with zipfile.ZipFile(again, "w") as bundle:
        for name, content in files.items():
            bundle.writestr(zipfile.ZipInfo(name), content)  # dated 1980, as every file in a bundle
    if next(iter(files), "") != "mimetype" or files["mimetype"] != b"application/vnd.etsi.asic-e+zip":
        raise ValueError("this is no evidence bundle (ASiC-E), or its first octets were changed")
    return files, again.getvalue() == octets

def check_manifest(files, faults):
    """Each file must be the one in the list, each one in the list must be there. That the list is genuine is the seal's to say."""
    listed = dict(re.findall(r'ObjectReference URI="([^"]+)".{0,300}?<ds:DigestValue>([^<]+)<', files.get(MANIFEST, b"").decode("latin1")))
    for name in {**files, **listed}:
        if name in listed and name not in files:
            faults.append((name, "manifest", "this file is missing"))
        elif name not in listed and name not in ("mimetype", MANIFEST, SIGNATURE):
            faults.append((name, "manifest", "the node did not seal this file"))
        elif name in listed and base64.b64encode(hashlib.sha256(files[name]).digest()).decode() != listed[name]:
            faults.append((name, "manifest", "this file was changed after the node sealed it"))

# ---- DER and CMS: every octet of a signature must be what it has to be
def der(data):
    """Return the elements that `data` consists of, each as (tag, content, whole)."""
    found, at = [], 0
    while at < len(data):
        size, begin = data[at + 1], at + 2
        if size > 127:
            begin += size - 128
            size = int.from_bytes(data[at + 2 : begin], "big")
            need(size > 127 and data[at + 2] and begin - at < 7, "a length is not minimal")
        need(begin + size <= len(data), "cut short")
        found.append((data[at], data[begin : begin + size], data[at : begin + size]))
        at = begin + size
    return found

def fields(content, *tags):
    """Return the elements of `content`, whose tags must be these."""
    found = der(content)
    need([one[0] for one in found] == list(tags), "not built as it should be")
    return found

def algorithm(content):
    found = der(content)
    need(found and found[0][0] == 6 and [one[2] for one in found[1:]] in ([], [b"\5\0"]), "an algorithm with parameters")
    return found[0][2]

def cms(octets, kind):
    """Read a CMS signature (RFC 5652) by one signer. Whatever the signature does not cover must have the one value that it can have."""
    oid, explicit = fields(fields(octets, 0x30)[0][1], 6, 0xA0)
    version, digests, content, certificates, signers = fields(fields(explicit[1], 0x30)[0][1], 2, 0x31, 0x30, 0xA0, 0x31)
    info = der(fields(signers[1], 0x30)[0][1])
    need(kind == TST or len(info) > 6, "there is no time stamp", "stamp")
    need([one[0] for one in info] == [2, 0x30, 0x30, 0xA0, 0x30, 4, 0xA1][: 7 if kind == DATA else 6], "not built as it should be")
    within = fields(content[1], *([6] if kind == DATA else [6, 0xA0]))
    frame = oid[2], version[1], within[0][2], info[0][1], digests[1]
    need(frame == (SIGNED, b"\1" if kind == DATA else b"\3", kind, b"\1", info[2][2]), "its frame was changed")
    attributes = {}
    for one in der(info[3][1]):
        name, values = fields(one[1], 6, 0x31)
        need(name[2] not in attributes, "an attribute is there twice")
        attributes[name[2]] = values[1]
    need(attributes.get(CONTENT_TYPE) == kind, "it is over something else")
    stamp = b""
    if kind == DATA:
        name, values = fields(fields(info[6][1], 0x30)[0][1], 6, 0x31)
        need(name[2] == STAMP, "there is no time stamp", "stamp")
        stamp = fields(values[1], 0x30)[0][2]
    return {"certificates": [one[2] for one in der(certificates[1])], "signer": info[1][2], "digest": algorithm(info[2][1]), "stamp": stamp,
            "attributes": attributes, "signed": b"\x31" + info[3][2][1:], "algorithm": algorithm(info[4][1]), "signature": info[5][1],
            "content": fields(fields(within[1][1], 4)[0][2], 4)[0][1] if kind == TST else b""}

def signer(said, content, pool):
    """Return the certificate whose key signed `content`. Each certificate in the signature must be one of the sealed ones."""
    need(set(said["certificates"]) <= set(pool), "a certificate in it is not among the sealed ones")
    inside = {one: [field[2] for field in der(der(der(one)[0][1])[0][1]) if field[0] != 0xA0] for one in said["certificates"]}
    found = [one for one, (serial, _, issuer, *_) in inside.items() if issuer + serial == der(said["signer"])[0][1]]
    need(len(found) == 1, "its signer's certificate is missing")
    if CERTIFICATE in said["attributes"]:  # RFC 5035: a digest of it, SHA-256 unless another is named
        inside = der(der(der(der(said["attributes"][CERTIFICATE])[0][1])[0][1])[0][1])
        kind = SHA2.get(algorithm(inside[0][1])) if inside[0][0] == 0x30 else hashes.SHA256()
        need(kind is not None and hashed(kind, found[0]) == inside[inside[0][0] == 0x30][1], "by another signer")
    kind, key = SHA2.get(said["digest"]), x509.load_der_x509_certificate(found[0]).public_key()
    need(kind is not None, "a digest that is not safe")
    need(said["attributes"].get(DIGEST) == b"\4" + bytes([kind.digest_size]) + hashed(kind, content), "over other content")
    curve = isinstance(key, ec.EllipticCurvePublicKey) and ECDSA.get(said["algorithm"]) is kind
    plain = isinstance(key, rsa.RSAPublicKey) and (said["algorithm"] == RSA_PLAIN or RSA.get(said["algorithm"]) is kind)
    need((curve or plain) and key.key_size >= (256 if curve else 2048), "a method that is not safe")
    try:
        key.verify(said["signature"], said["signed"], *([ec.ECDSA(kind)] if curve else [padding.PKCS1v15(), kind]))
    except InvalidSignature:
        raise Wrong("signature", "the signature is not genuine") from None
    return found[0]

def hashed(kind, octets):
    return hashlib.new(kind.name, octets).digest()

def moment(text):
    return datetime.strptime(re.sub(r"\.\d+Z$", "Z", text), "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)

def sealed(content, octets, trust):
    """Check a stamped seal over `content`; return who made it and when that was stamped."""
    said = cms(octets, DATA)
    seal = signer(said, content, trust["pool"])
    try:
        token = cms(said["stamp"], TST)
        clock = signer(token, token["content"], trust["pool"])
        info = der(der(token["content"])[0][1])
        imprint = fields(info[2][1], 0x30, 4)
        kind = SHA2.get(algorithm(imprint[0][1]))
        need(kind is not None and imprint[1][1] == hashed(kind, said["signature"]), "it is over another seal", "stamp")
        at = moment(info[4][1].decode())
    except Wrong as wrong:
        raise Wrong("stamp", wrong.args[1]) from None
    signed = der(said["attributes"].get(TIME, b""))
    begun = moment(("20" if len(signed[0][1]) == 13 else "") + signed[0][1].decode()) if signed else at
    need(begun - SKEW <= at <= trust["now"] + SKEW, "the times contradict each other", "stamp")
    path(clock, STAMPS, at, trust, "the clock")
    until = x509.load_der_x509_certificate(clock).not_valid_after_utc
    need(trust["now"] <= until, f"the certificate of the clock ended {until:%Y-%m-%d}: who could sign with it since is not known", "stamp")
    return path(seal, SEALS, at, trust, "the seal"), at

# ---- certificates: from whoever signed up to the trusted root, all good at one moment
def path(leaf, purposes, at, trust, whose):
    """Check that a path to a trusted root exists and that nothing in it was revoked; return who the leaf is."""
    leaf, pool = x509.load_der_x509_certificate(leaf), [x509.load_der_x509_certificate(one) for one in trust["pool"]]
    def issues(_, __, usage):
        need(usage.key_cert_sign, "an issuer may not certify", "certificate")
    def signs(_, __, usage):
        need(usage.digital_signature or usage.content_commitment, f"{whose} may not sign", "certificate")
    def fits(_, certificate, uses):
        good = set(purposes) & set(uses or purposes) if certificate != leaf else set(uses) <= set(purposes)
        need(good, f"{whose} is not certified for this", "certificate")

    rule, free = verification.ExtensionPolicy.permit_all(), verification.Criticality.AGNOSTIC
    above = rule.require_present(x509.KeyUsage, free, issues).require_present(x509.BasicConstraints, free, None)
    below = rule.require_present(x509.KeyUsage, free, signs).require_present(x509.ExtendedKeyUsage, free, fits)
    roots = [one for one in pool if one.fingerprint(hashes.SHA256()) in trust["roots"]]
    need(roots, "no root that you trust is in this bundle", "certificate")
    rules = verification.PolicyBuilder().store(verification.Store(roots)).time(at)
    rules = rules.extension_policies(ca_policy=above.may_be_present(x509.ExtendedKeyUsage, free, fits), ee_policy=below)
    try:
        chain = rules.build_client_verifier().verify(leaf, pool).chain  # RFC 5280 §6.1, by the library
    except verification.VerificationError as error:
        raise Wrong("certificate", f"{whose}, {names(leaf)['name']}: {error}") from None
    for one, issuer in pairwise(chain):
        states = {listed(octets, one, issuer, at) for octets in trust["crls"]}
        need("revoked" not in states, f"{whose}: {names(one)['name']} had been revoked", "revocation")
        need("good" in states, f"{whose}: nothing says that {names(one)['name']} had not been revoked by {at:%Y-%m-%d %H:%M}", "revocation")
    return names(leaf)

def names(certificate):
    said = {one.oid.dotted_string: str(one.value) for one in certificate.subject}
    hosts = [one for one in extension(certificate, x509.SubjectAlternativeName) or () if isinstance(one, x509.DNSName)]
    return {"name": said.get("2.5.4.3", "?"), "organisation": said.get("2.5.4.10", ""), "hosts": [one.value for one in hosts]}

def extension(certificate, kind):
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None

def listed(octets, certificate, issuer, at):
    """Return what a revocation list says of a certificate at a moment; "" when it is another's, or not of then (RFC 5280 §5, §6.3)."""
    crl = x509.load_der_x509_crl(octets)
    if crl.issuer != issuer.subject or not crl.is_signature_valid(issuer.public_key()):
        return ""
    scope, basic = extension(crl, x509.IssuingDistributionPoint), extension(certificate, x509.BasicConstraints)
    if scope is not None:
        points = [set(one.full_name or ()) for one in extension(certificate, x509.CRLDistributionPoints) or ()]
        here = not scope.full_name or any(point & set(scope.full_name) for point in points)
        others = scope.only_contains_user_certs if basic and basic.ca else scope.only_contains_ca_certs
        partly = scope.only_some_reasons or scope.indirect_crl or scope.only_contains_attribute_certs or scope.relative_name
        if not here or others or partly:
            return ""
    found = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
    why = extension(found, x509.CRLReason) if found is not None else None
    if found is not None and found.revocation_date_utc <= at and (why is None or why.reason != x509.ReasonFlags.remove_from_crl):
        return "revoked"
    if extension(crl, x509.DeltaCRLIndicator):  # what changed since another list, which is to say the rest
        return ""
    # what was said earlier counts while it lasts; what was said later, unless the certificate had run out by then
    return "good" if crl.last_update_utc - SKEW <= certificate.not_valid_after_utc and at <= crl.next_update_utc else ""

# ---- the log: what it was is signed, and that a record is in it can be computed
def checkpoint(octets, keys):
    """Check a signed note; return its text, the size and root of the log, and who has signed it."""
    text, _, below = octets.decode().rpartition("\n\n")
    text, by = f"{text}\n", []
    for line in below.splitlines():
        dash, name, value = line.split(" ")
        raw = base64.b64decode(value, validate=True)
        need(dash == "—" and (name, raw[:4]) in keys, f"signed with a key of {name} that is not in keys.txt", "checkpoint")
        kind, public = keys[name, raw[:4]]
        signed = text if kind == 1 else f"cosignature/v1\ntime {int.from_bytes(raw[4:12], 'big')}\n{text}"
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(raw[4 if kind == 1 else 12 :], signed.encode())
        except InvalidSignature:
            raise Wrong("checkpoint", f"the signature of {name} is not genuine") from None
        by.append((name, kind))
    origin, size, root = text.splitlines()[:3]
    need((origin, 1) in by, "the log has not signed it", "checkpoint")
    return text.encode(), int(size), base64.b64decode(root, validate=True), [name for name, kind in by if kind != 1]

def read_keys(octets):
    found = {}
    for line in octets.decode().splitlines():
        name, key_id, value = line.split("+", 2)
        raw = base64.b64decode(value, validate=True)
        need(raw[0] in (1, 4) and hashlib.sha256(f"{name}\n".encode() + raw).digest()[:4].hex() == key_id, "a key is damaged", "checkpoint")
        found[name, bytes.fromhex(key_id)] = raw[0], raw[1:]
    return found

def included(entry, index, size, hashes_, root):
    """Say whether an entry is number `index` of a tree of `size` entries with this root (RFC 9162 §2.1.3.2)."""
    at, last, found = index, size - 1, hashlib.sha256(b"\0" + entry).digest()
    for other in hashes_ if 0 <= index < size else ():
        if last == 0 or len(other) != 32:
            return False
        left = at & 1 or at == last
        found = hashlib.sha256(b"\1" + (other + found if left else found + other)).digest()
        while left and at and not at & 1:
            at, last = at >> 1, last >> 1
        at, last = at >> 1, last >> 1
    return 0 <= index < size and last == 0 and found == root

def read_json(octets, check):
    said = json.loads(octets)
    again = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    need(again == octets, "it is not written in its one form", check)
    return said

def record(octets, digest):
    """Check how a record is written, what it must say, and that it is about this message."""
    said = read_json(octets, "record")
    need({key: type(one) for key, one in said.items()} == FIELDS and said["v"] == 1 and said["at"] >> 56 == 0, "it is not whole", "record")
    need(said["reasons"] or not said["event"].endswith(NEGATIVE), "no reason is given for what failed", "record")
    need(said["digest"] == f"sha256:{digest}", "this record is about another message than the one in this bundle", "message")
    return said

def inclusion(octets, proof, checkpoints):
    """Check that a record is in the log; return where, and the checkpoint that shows it."""
    said = read_json(proof, "inclusion")
    need(said["checkpoint"] in checkpoints, "the checkpoint that it is proven against is missing or not good", "inclusion")
    found = checkpoints[said["checkpoint"]]
    entry = hashlib.sha256(b"diwan-evidence-v1\n" + bytes.fromhex(said["salt"]) + octets).digest()
    good = included(entry, said["index"], found["size"], [bytes.fromhex(one) for one in said["hashes"]], found["root"])
    need(good and said["size"] == found["size"], "the log does not hold this record: it was changed, or never written", "inclusion")
    return {"index": said["index"], **{key: found[key] for key in ("size", "stamped", "sealed_by", "witnesses")}}

# ---- all of it
def verify(octets, roots, now):
    """Return what the bundle says, and what is wrong with it: (which part, which check, what). `roots` are SHA-256 fingerprints."""
    (files, whole), faults = unzip(octets), []
    check_manifest(files, faults)
    pool, crls = ([content for name, content in files.items() if name.endswith(end)] for end in (".der", ".crl"))
    trust = {"pool": pool, "crls": crls, "roots": roots, "now": now}

    def tried(part, check, work, *values):
        try:
            return work(*values)
        except Wrong as wrong:
            faults.append((part, *wrong.args))
        except (ValueError, LookupError, TypeError, AttributeError, UnsupportedAlgorithm, RecursionError, *UNREADABLE) as error:
            faults.append((part, check, f"it cannot be read ({type(error).__name__})"))
        return None

    message = files.get("message.eml", b"")
    digest = hashlib.sha256(message).hexdigest()
    by = tried(SIGNATURE, "signature", sealed, files.get(MANIFEST, b""), files.get(SIGNATURE, b""), trust)
    found = {"bytes": len(message), "sha256": digest, "records": [], "sealed": (by[0], by[1].isoformat()) if by else None}
    keys = tried("checkpoints/keys.txt", "checkpoint", read_keys, files.get("checkpoints/keys.txt", b"")) or {}
    checkpoints = {}
    for name in [name for name in files if name.endswith(".note")]:
        seal, note = name.replace(".note", ".p7s"), tried(name, "checkpoint", checkpoint, files[name], keys)
        vouched = tried(seal, "signature", sealed, note[0], files.get(seal, b""), trust) if note else None
        if vouched:
            checkpoints[name] = {"size": note[1], "root": note[2], "witnesses": note[3], "sealed_by": vouched[0], "stamped": vouched[1]}
    for name in [name for name in files if name.endswith(".json")]:
        place = tried(name, "inclusion", inclusion, files[name], files.get(name.replace(".json", ".proof"), b""), checkpoints)
        said = tried(name, "record", record, files[name], digest)
        if place and said:
            at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=said["at"])
            if at > place["stamped"] + SKEW:
                faults.append((name, "record", "it says that it was written after it was sealed"))
            if said["issuer"] not in place["sealed_by"]["hosts"] or (by and said["issuer"] not in by[0]["hosts"]):
                faults.append((name, "certificate", f"it says that {said['issuer']} wrote it, and the seal is not of that node"))
            found["records"].append({**said, **place, "file": name, "at": at.isoformat(), "stamped": place["stamped"].isoformat()})
    if not faults and not (whole and found["records"]):  # what is wrong with a file is wrong in the container, too
        faults.append(("the whole bundle", "container", "something was added or changed between the files, or there is no record"))
    return found, faults

def fingerprint(text):
    """Return the fingerprint of a root that was given as such or as the file of its certificate."""
    if re.fullmatch(r"[0-9A-Fa-f]{64}", text.replace(":", "")):
        return bytes.fromhex(text.replace(":", ""))
    return x509.load_pem_x509_certificate(Path(text).read_bytes()).fingerprint(hashes.SHA256())

def main():
    parser = argparse.ArgumentParser(description="Check an evidence bundle.")
    parser.add_argument("bundle")
    parser.add_argument("--root", action="append", required=True, help="a trusted root: its certificate (PEM) or its SHA-256 fingerprint")
    asked = parser.parse_args()
    try:
        roots = {fingerprint(one) for one in asked.root}
        found, faults = verify(Path(asked.bundle).read_bytes(), roots, datetime.now(UTC))
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError) as error:
        parser.error(str(error))
    lines = [f"message of {found['bytes']} octets, SHA-256 {found['sha256']}"]
    for one in found["records"]:
        lines.append(f"{one['file']}: {one['event']} at {one['at']}, from {one['sender']} to {', '.join(one['recipients'])}")
        lines += [f"    because of {reason['code']}: {reason['text']}" for reason in one["reasons"]]
        lines.append(f"    said by {one['issuer']}: entry {one['index']} of {one['size']} in its log, stamped at {one['stamped']}")
        lines.append(f"    witnesses of the log: {', '.join(one['witnesses']) or 'none'}")
    if found["sealed"]:
        by, at = found["sealed"]
        lines.append(f"sealed by {by['name']}{by['organisation'] and ' (' + by['organisation'] + ')'} at {at}")
    lines += [f"FAILED  {part}: {check}: {said}" for part, check, said in faults] or ["Everything is proven."]
    for line in lines:  # what others wrote may not move the cursor, nor turn the line around
        sys.stdout.write("".join(one if one.isprintable() else ascii(one)[1:-1] for one in line) + "\n")
    sys.exit(bool(faults))

if __name__ == "__main__":
    main()
