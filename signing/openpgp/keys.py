"""OpenPGP keys: made, read, narrowed to one address, given a longer life, revoked. Everything blocks: call it in a thread.

RFC 9580 §10.1 (transferable public keys), §5.2.3.22 (key flags), §5.2.1.11 (revocation).
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from config.clock import SECOND_US
from signing.openpgp import home
from signing.openpgp.errors import BadPgpKey, CannotOpen, PgpUnavailable
from signing.openpgp.home import Home, said
from signing.openpgp.status import of
from signing.openpgp.types import Key, Secret

MAX_KEY_BYTES = 512 * 1024  # a certificate with hundreds of signatures of others has half of it; floods had tens of megabytes
MAX_KEYS = 16  # in one file: a correspondent has an old and a new one
PASSPHRASE_BYTES = 32
ADDRESS = re.compile(r"[A-Za-z0-9!#$%'*+/=?^_`{}~.-]{1,64}@[A-Za-z0-9.-]{1,253}")  # what a filter of gpg takes as it stands
# RFC 9580 §9.1
ALGORITHMS = {"1": "RSA", "2": "RSA", "3": "RSA", "16": "Elgamal", "17": "DSA", "18": "ECDH", "19": "ECDSA", "22": "EdDSA"}
ALGORITHMS |= {"25": "X25519", "26": "X448", "27": "Ed25519", "28": "Ed448"}
KIND = """\
Key-Type: eddsa
Key-Curve: ed25519
Key-Usage: sign
Subkey-Type: ecdh
Subkey-Curve: cv25519
Subkey-Usage: encrypt
"""
_UNSAFE = re.compile(r"[\x00-\x1f\x7f<>()@\\]+")
_BRACKETS = re.compile(r"<([^<>\s]+@[^<>\s]+)>\s*\Z")
_DAYS = range(1, 3650)
_ESCAPE = re.compile(rb"\\x([0-9A-Fa-f]{2})")
_NAME, _CAPABILITIES, _CURVE = 9, 11, 16  # fields of a line of a listing
_DEAD = (b"r", b"i")  # user ids that are revoked or that nothing vouches for


@dataclass(slots=True)
class _Listed:
    fields: list[str]
    fingerprint: str = ""
    user_ids: list[str] = field(default_factory=list)


def generate(name: str, address: str, days: int) -> tuple[Secret, Key]:
    """Make a key to sign and a subkey to encrypt (Ed25519, X25519) that last `days`. Raises BadPgpKey for an address it cannot name."""
    require_address(address)
    if days not in _DAYS:
        raise BadPgpKey(f"a key lasts {_DAYS.start} to {_DAYS.stop - 1} days")
    passphrase = secrets.token_hex(PASSPHRASE_BYTES)
    plain = " ".join(_UNSAFE.sub(" ", name).split())
    wanted = f"{KIND}{f'Name-Real: {plain}' if plain else ''}\nName-Email: {address.lower()}\nExpire-Date: {days}d\n"
    with home.opened(private=True) as place:
        made = place.gpg.gen_key(f"{wanted}Passphrase: {passphrase}\n%commit\n".encode())
        created = of(said(made), "KEY_CREATED")
        if len(created) != 1:
            raise PgpUnavailable(reason="no key was made")
        fingerprint = created[0].fields[1]
        certificate = (place.path / "openpgp-revocs.d" / f"{fingerprint}.rev").read_bytes()
        return _secret(place, fingerprint, passphrase, _revocation(certificate)), _read(place)[0]


def read(octets: bytes) -> tuple[Key, ...]:
    """Return the public keys in a file, armoured or not. Raises BadPgpKey when there are none, or too many."""
    with home.opened() as place:
        _import(place, octets)
        found = _read(place)
    if not found or len(found) > MAX_KEYS:
        raise BadPgpKey
    return found


def of_address(octets: bytes, address: str) -> Key:
    """Return the newest key of a file that is of an address and can be used, with this user id alone. Raises BadPgpKey."""
    require_address(address)
    with home.opened() as place:
        _import(place, octets, "--import-filter", f"keep-uid=mbox = {address.lower()}")
        usable = [one for one in _read(place) if address.lower() in one.addresses and (one.signs or one.encrypts)]
    if not usable:
        raise BadPgpKey(f"there is no usable key of {address} in it", address=address)
    return max(usable, key=lambda one: one.created_us)


def renewed(known: bytes, octets: bytes, address: str) -> Key:
    """Return a key of an address with what a file says of it besides: a longer life, a revocation. Nothing that is known is lost by it.

    Raises BadPgpKey.
    """
    require_address(address)
    narrowed = "--import-filter", f"keep-uid=mbox = {address.lower()}"
    with home.opened() as place:
        _import(place, known, *narrowed)
        before = _read(place)
        _import(place, octets, *narrowed)
        found = [one for one in _read(place) if [one.fingerprint] == [each.fingerprint for each in before]]
    if not found:
        raise BadPgpKey
    return found[0]


def extended(secret: Secret, days: int) -> tuple[Secret, Key]:
    """Return a key that lasts `days` from now, its subkeys too. Raises BadPgpKey."""
    if days not in _DAYS:
        raise BadPgpKey(f"a key lasts {_DAYS.start} to {_DAYS.stop - 1} days")
    with home.opened(private=True) as place:
        hold(place, secret)
        for which in ((), ("*",)):
            place.run(["--quick-set-expire", secret.fingerprint, f"{days}d", *which], passphrase=secret.passphrase)
        found = _read(place)
        if len(found) != 1:
            raise BadPgpKey
        return _secret(place, secret.fingerprint, secret.passphrase, secret.revocation), found[0]


def revoked(key: bytes, revocation: bytes) -> Key:
    """Return a public key with its revocation. Raises BadPgpKey when that is not of this key."""
    with home.opened() as place:
        place.run(["--import-ownertrust"])  # gpg writes into its table of trust when a key is revoked, and this makes one
        _import(place, key)
        place.gpg.import_keys(revocation)
        found = _read(place)
    if len(found) != 1 or not found[0].revoked:
        raise BadPgpKey
    return found[0]


def armoured(octets: bytes) -> bytes:
    """Return a public key as text, for a file or a letter. Raises BadPgpKey."""
    with home.opened() as place:
        _import(place, octets)
        return str(place.gpg.export_keys([one.fingerprint for one in _read(place)], armor=True)).encode("ascii")


def require_address(address: str) -> None:
    """Refuse what could be more than an address to gpg. Raises BadPgpKey."""
    if not ADDRESS.fullmatch(address):
        raise BadPgpKey("an OpenPGP key can only name an address in ASCII", address=address)


def hold(place: Home, secret: Secret) -> None:
    """Put a private key into a home. Raises BadPgpKey."""
    _import(place, secret.octets)
    if not place.gpg.list_keys(True, keys=[secret.fingerprint]).fingerprints:
        raise BadPgpKey


def keep(place: Home, octets: Sequence[bytes]) -> None:
    """Put public keys into a home. Raises BadPgpKey."""
    for each in octets:
        _import(place, each)


def _import(place: Home, octets: bytes, *arguments: str) -> None:
    if len(octets) > MAX_KEY_BYTES:
        raise BadPgpKey("this key is larger than one may be", size_bytes=len(octets))
    result = place.gpg.import_keys(octets, extra_args=["--import-options", "import-minimal", *arguments])
    try:
        done = of(said(result), "IMPORT_RES")
    except CannotOpen as error:
        raise BadPgpKey from error
    if not done:
        raise BadPgpKey


def _secret(place: Home, fingerprint: str, passphrase: str, revocation: bytes) -> Secret:
    octets = place.gpg.export_keys(fingerprint, secret=True, armor=False, passphrase=passphrase)
    if not octets:
        raise PgpUnavailable(reason="no private key came out")
    return Secret(fingerprint, bytes(octets), passphrase, revocation)


def _read(place: Home) -> tuple[Key, ...]:
    """Return the keys of a home, as `--with-colons` lists them (GnuPG, doc/DETAILS)."""
    listing, _ = place.run(["--list-keys", "--fingerprint"])
    listed: list[_Listed] = []
    for fields in (line.split(b":") for line in listing.split(b"\n")):
        if fields[0] == b"pub" and len(fields) > _CURVE:
            listed.append(_Listed([each.decode("ascii", "replace") for each in fields]))
        elif fields[0] == b"fpr" and listed and not listed[-1].fingerprint:
            listed[-1].fingerprint = fields[_NAME].decode("ascii", "replace")
        elif fields[0] == b"uid" and listed and fields[1] not in _DEAD:
            listed[-1].user_ids.append(_ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), fields[_NAME]).decode("utf-8", "replace"))
    return tuple(_key(place, one) for one in listed)


def _key(place: Home, listed: _Listed) -> Key:
    trust, can = listed.fields[1], listed.fields[_CAPABILITIES]
    number, curve, length = listed.fields[3], listed.fields[_CURVE], listed.fields[2]
    usable = trust not in ("r", "e", "i")
    return Key(
        fingerprint=listed.fingerprint,
        user_ids=tuple(listed.user_ids),
        addresses=tuple(dict.fromkeys(found for found in map(address_of, listed.user_ids) if found)),
        algorithm=f"{ALGORITHMS.get(number, 'algorithm ' + number)} {curve or length}",
        created_us=_us(listed.fields[5]),
        expires_us=_us(listed.fields[6]),
        revoked=trust == "r",
        signs=usable and "S" in can,
        encrypts=usable and "E" in can,
        octets=bytes(place.gpg.export_keys(listed.fingerprint, armor=False, minimal=True)),
    )


def address_of(user_id: str) -> str:
    """Return the address in a user id, lower case; "" when there is none (RFC 9580 §5.11)."""
    found = _BRACKETS.search(user_id)
    address = found[1] if found else user_id.strip()
    return address.lower() if ADDRESS.fullmatch(address) else ""


def _us(seconds: str) -> int:
    return int(seconds) * SECOND_US if seconds.isdecimal() else 0


def _revocation(file: bytes) -> bytes:
    """Return the certificate in the file that gpg makes with each key: its first line is disarmed by a colon."""
    return b"-----BEGIN" + file.partition(b":-----BEGIN")[2]
