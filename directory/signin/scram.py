"""SCRAM-SHA-256, the server's half: messages as values, proofs as octets. Pure.

RFC 5802 (SCRAM), RFC 7677 (with SHA-256), RFC 5929 §4 (tls-server-end-point). The server keeps a verifier, never the
password; who steals it can pretend to be this server to that person, not sign in.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from directory.errors import BadExchange
from directory.signin.saslprep import Unprepared, saslprep
from directory.types import Binding, ScramVerifier

# Cyrus SASL, on which mbsync, KMail and OpenLDAP stand, computes 65,536 at most (MAX_ITERATION_COUNT in its scram.c) and gives up on
# more without trying another mechanism. About 26 ms of one core for whoever has the password; RFC 7677 §4 asks for at least 4096.
ITERATIONS = 65_536
SALT_BYTES = 16
NONCE_BYTES = 18  # 24 characters of base64
KEY_BYTES = 32
MAX_MESSAGE_BYTES = 4096
_CLIENT_KEY, _SERVER_KEY = b"Client Key", b"Server Key"


@dataclass(frozen=True, slots=True)
class ClientFirst:
    """What a client begins with. `binding` is the name of the channel binding it uses, "" when it uses none.

    `suspicious` says that it could bind and believes that the server cannot (RFC 5802 §6): somebody between them
    may have hidden the mechanisms with PLUS.
    """

    login: str
    acting: str
    nonce: str
    header: bytes
    bare: bytes
    binding: str
    suspicious: bool


@dataclass(frozen=True, slots=True)
class Challenge:
    """The server's first message and what both sides will have signed of the exchange so far."""

    message: bytes
    nonce: str
    signed: bytes


@dataclass(frozen=True, slots=True)
class ClientFinal:
    """The client's proof: `channel` is what it took for the channel, `without_proof` the part that is signed."""

    channel: bytes
    nonce: str
    without_proof: bytes
    proof: bytes


def verifier(password: str, salt: bytes, iterations: int = ITERATIONS) -> ScramVerifier:
    """Derive what is kept of a password (RFC 5802 §3). Takes as long as `iterations` of HMAC: run it in a thread.

    A password that SASLprep refuses, such as Arabic and Latin letters in one, counts as it is typed.
    """
    try:
        normal = saslprep(password)
    except Unprepared:
        normal = password
    salted = hashlib.pbkdf2_hmac("sha256", normal.encode(), salt, iterations)
    client_key = hmac.digest(salted, _CLIENT_KEY, "sha256")
    return ScramVerifier(salt, iterations, hashlib.sha256(client_key).digest(), hmac.digest(salted, _SERVER_KEY, "sha256"))


def invented(key: bytes, account: str, iterations: int = ITERATIONS) -> ScramVerifier:
    """Return the verifier of somebody who has none: always the same salt, and keys that fit no password."""
    salt = hmac.digest(key, f"salt {account}".encode(), "sha256")[:SALT_BYTES]
    return ScramVerifier(salt, iterations, hmac.digest(key, f"stored {account}".encode(), "sha256"), bytes(KEY_BYTES))


def read_first(octets: bytes) -> ClientFirst:
    """Read the client's first message (RFC 5802 §7). Raises BadExchange."""
    pieces = _text(octets).split(",", 2)
    if len(pieces) != 3:
        raise BadExchange
    flag, authzid, bare = pieces
    binding = _binding(flag)
    fields = bare.split(",")  # extensions may follow; a mandatory one begins with "m" and stands first
    if len(fields) < 2 or not fields[0].startswith("n=") or not fields[1].startswith("r=") or len(fields[1]) < 10:
        raise BadExchange
    if authzid and not authzid.startswith("a="):
        raise BadExchange
    header = f"{flag},{authzid},".encode()
    return ClientFirst(_name(fields[0][2:]), _name(authzid[2:]), fields[1][2:], header, bare.encode(), binding, flag == "y")


def challenge(first: ClientFirst, nonce: str, salt: bytes, iterations: int) -> Challenge:
    """Answer the client's first message; `nonce` is the server's part."""
    both = first.nonce + nonce
    message = f"r={both},s={base64.b64encode(salt).decode()},i={iterations}".encode()
    return Challenge(message, both, first.bare + b"," + message + b",")


def read_final(octets: bytes) -> ClientFinal:
    """Read the client's final message (RFC 5802 §7). Raises BadExchange."""
    without, comma, proof = octets.rpartition(b",p=")
    fields = _text(without).split(",")
    if not comma or len(fields) < 2 or not fields[0].startswith("c=") or not fields[1].startswith("r="):
        raise BadExchange
    sent = _base64(proof)
    if len(sent) != KEY_BYTES:
        raise BadExchange
    return ClientFinal(_base64(fields[0][2:].encode()), fields[1][2:], without, sent)


def expected_channel(first: ClientFirst, binding: Binding | None) -> bytes:
    """Return what the client must have taken for the channel: its own header, and the binding when it uses one (§7)."""
    return first.header + (binding.data if first.binding and binding is not None else b"")


def fitting(verifiers: Sequence[ScramVerifier], asked: Challenge, final: ClientFinal) -> int | None:
    """Return the index of the verifier that the proof fits, or None (RFC 5802 §3). One HMAC and one hash for each."""
    message = asked.signed + final.without_proof
    found = None
    for index, one in enumerate(verifiers):
        signature = int.from_bytes(hmac.digest(one.stored_key, message, "sha256"), "big")
        client_key = (int.from_bytes(final.proof, "big") ^ signature).to_bytes(KEY_BYTES, "big")
        if hmac.compare_digest(hashlib.sha256(client_key).digest(), one.stored_key) and found is None:
            found = index
    return found


def server_final(one: ScramVerifier, asked: Challenge, final: ClientFinal) -> bytes:
    """Return the message that proves the server to the client (RFC 5802 §3)."""
    signature = hmac.digest(one.server_key, asked.signed + final.without_proof, "sha256")
    return b"v=" + base64.b64encode(signature)


def _binding(flag: str) -> str:
    if flag in ("n", "y"):
        return ""
    if not flag.startswith("p=") or len(flag) == 2:
        raise BadExchange
    return flag[2:]


def _name(text: str) -> str:
    """Undo what a saslname is written with (RFC 5802 §5.1)."""
    if "=" in text.replace("=2C", "").replace("=3D", ""):
        raise BadExchange
    return text.replace("=2C", ",").replace("=3D", "=")


def _text(octets: bytes) -> str:
    if len(octets) > MAX_MESSAGE_BYTES or b"\0" in octets:
        raise BadExchange
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise BadExchange from None


def _base64(octets: bytes) -> bytes:
    try:
        return binascii.a2b_base64(octets, strict_mode=True)
    except binascii.Error:
        raise BadExchange from None
