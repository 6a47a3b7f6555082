"""Key ceremonies: a root that is used offline, by k of n operators together, before witnesses, with a signed protocol.

The root's key lies in a directory of its own (a stick that is locked away), sealed under a storage key that is nowhere: each session
ends by making another and splitting it (`signing.shamir`), a share for each operator. What leaves a session are certificates and lists.
"""

import contextlib
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from config.clock import DAY_US, SECOND_US, Clock, utc
from config.errors import MailError
from signing import escrow, shamir
from signing.algorithms import SHA384, digest
from signing.escrow import BadShare, Share
from signing.keys import Signer
from signing.pki import ca, crl, places, protocol
from signing.pki.ca import Authority
from signing.pki.crl import Head
from signing.process import running
from signing.vault import STORAGE_KEY_BYTES, Damaged, Vault, replace, sync_directory

KEY = "root"
ROOT, LIST, CHANGES, PROTOCOL, SIGNATURE, SHARES = "root.pem", "root.crl", "root-delta.crl", "protocol.jsonl", "protocol.sig", "shares"
NEW, OLD = ".new", ".old"  # behind the names of folders that take another's place
LIST_LASTS_US = 400 * DAY_US  # a year until the next session, and a month in which to come together
STORAGE, PRIVATE = "storage.key", "private"  # as signing.keyring has them

Confirm = Callable[[str], None]


class CeremonyFailed(MailError):
    text = "the ceremony cannot go on"


@dataclass(frozen=True, slots=True)
class Attended:
    """Who takes part: operators, of whom `needed` come together the next time, and witnesses."""

    operators: tuple[str, ...]
    witnesses: tuple[str, ...]
    needed: int

    def check(self) -> None:
        """Raise CeremonyFailed when these are too few."""
        if len(self.witnesses) < 2:
            raise CeremonyFailed("a ceremony needs two witnesses")
        if not 2 <= self.needed <= len(self.operators):
            raise CeremonyFailed(f"{self.needed} of {len(self.operators)} operators cannot be; it takes at least two")
        names = (*self.operators, *self.witnesses)
        if len({name.casefold().strip() for name in names}) != len(names):
            raise CeremonyFailed("everybody takes part once, under a name of their own")

    @property
    def names(self) -> tuple[str, ...]:
        """Return everybody as the protocol names them."""
        return (*(f"operator {name}" for name in self.operators), *(f"witness {name}" for name in self.witnesses))


class Session:
    """One session: steps that everybody has heard of, each in the protocol before the next."""

    def __init__(self, place: Path, clock: Clock, signer: Signer, protocol_before: bytes) -> None:
        self.place, self.clock, self.signer = place, clock, signer
        self._protocol = protocol_before

    def note(self, step: str, facts: dict[str, str], present: tuple[str, ...] = ()) -> None:
        """Write down a step, durable on return."""
        at = utc(self.clock.now_us() // SECOND_US * SECOND_US).isoformat()
        self._protocol = protocol.added(self._protocol, at, step, facts, present)
        replace(self.place / PROTOCOL, self._protocol)

    async def signed(self) -> None:
        """Sign the protocol with the root's key."""
        replace(self.place / SIGNATURE, await self.signer.sign(KEY, digest(SHA384, self._protocol)))


async def root(place: Path, clock: Clock, attended: Attended, confirm: Confirm, *, name: str, country: str = "", url: str = "") -> None:
    """Make a root, its first lists, its protocol and the operators' shares. Raises CeremonyFailed."""
    attended.check()
    _require_empty(place)
    for one in attended.names:
        confirm(one)
    with _locked_after(place):
        async with running(place) as signer:
            session = Session(place, clock, signer, b"")
            session.note("begun", {"purpose": "a new root", "name": name, "country": country, "lists": url}, attended.names)
            made = await ca.create_root(signer, name, clock.now_us(), key_id=KEY, country=country)
            replace(place / ROOT, ca.pem(made.certificate))
            session.note("root made", _described(made.certificate))
            await _lists(session, made, url)
            fresh = _shared(session, attended)
            await session.signed()
        _reseal(place, fresh)
        finish(place)


async def certify(
    place: Path, clock: Clock, attended: Attended, confirm: Confirm, shares: Sequence[bytes], asked: bytes, *, url: str = ""
) -> bytes:
    """Certify authorities of a node under the root; return their new certificates and the root, PEM. Raises CeremonyFailed.

    `asked` are the certificates that they have so far, PEM: name, key and limits stay, so what they have issued stays good.
    """
    attended.check()
    finish(place)
    before, unsigned = checked(place)
    own = Authority(KEY, certificates((place / ROOT).read_bytes())[0])
    wanted = _authorities(asked)
    for one in attended.names:
        confirm(one)
    with _locked_after(place):
        _unlock(place, shares)
        async with running(place) as signer:
            session = Session(place, clock, signer, before)
            if unsigned:
                session.note("cut off", {"steps": f"the {unsigned} before this one are of a session that did not come to its end"})
            session.note("begun", {"purpose": f"{len(wanted)} authorities", "lists": url}, attended.names)
            made = []
            for certificate in wanted:
                made.append(await ca.certify_again(signer, own, Authority("", certificate), clock.now_us(), url=url))
                session.note("authority certified", _described(made[-1]))
            await _lists(session, own, url)
            fresh = _shared(session, attended)
            await session.signed()
        _reseal(place, fresh)
        finish(place)
    return ca.pem(*made, own.certificate)


def checked(place: Path) -> tuple[bytes, int]:
    """Return a protocol that the root's key has signed, and how many steps of a session that was cut off stand behind that.

    Raises CeremonyFailed.
    """
    try:
        octets, signature, pem = ((place / name).read_bytes() for name in (PROTOCOL, SIGNATURE, ROOT))
    except OSError as reason:
        raise CeremonyFailed(f"{reason.filename} cannot be read: {reason.strerror}") from reason
    lines = octets.splitlines(keepends=True)
    for unsigned in range(len(lines)):
        with contextlib.suppress(CeremonyFailed):
            check(b"".join(lines[: len(lines) - unsigned]), signature, pem)
            _steps(octets)  # those behind have to follow, too
            return octets, unsigned
    check(octets, signature, pem)
    return octets, 0


def check(octets: bytes, signature: bytes, pem: bytes) -> list[protocol.Step]:
    """Return the steps of a protocol that this root has signed. Raises CeremonyFailed."""
    try:
        key = x509.load_der_x509_certificate(certificates(pem)[0]).public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise CeremonyFailed("this is not the certificate of a root that a ceremony made")
        key.verify(signature, octets, ec.ECDSA(hashes.SHA384()))
    except InvalidSignature as reason:
        raise CeremonyFailed("the protocol is not as the root's key has signed it") from reason
    return _steps(octets)


def _steps(octets: bytes) -> list[protocol.Step]:
    try:
        return protocol.read(octets)
    except protocol.Broken as reason:
        raise CeremonyFailed(f"the protocol is broken: {reason}") from reason


def _require_empty(place: Path) -> None:
    if place.exists() and any(place.iterdir()):
        raise CeremonyFailed(f"{place} is not empty: a root gets a directory of its own")
    place.mkdir(mode=0o700, parents=True, exist_ok=True)


@contextlib.contextmanager
def _locked_after(place: Path) -> Iterator[None]:
    """Leave no storage key behind, however a session ends."""
    try:
        yield
    finally:
        (place / "keys" / STORAGE).unlink(missing_ok=True)


async def _lists(session: Session, own: Authority, url: str) -> None:
    """Sign the root's lists ahead: nothing is revoked, and nothing has changed since."""
    now_us = session.clock.now_us()
    for name, number, base in ((LIST, now_us // SECOND_US, 0), (CHANGES, now_us // SECOND_US, now_us // SECOND_US)):
        fresh = url + places.list_path(KEY, places.WHOLE, delta=True) if url and not base else ""
        to_sign = crl.prepare(own.certificate, Head(number, now_us, now_us + LIST_LASTS_US, fresh=fresh, base=base), ())
        octets = crl.finish(to_sign, await session.signer.sign(KEY, to_sign.digest))
        replace(session.place / name, octets)
        session.note("list signed", {"file": name, "sha256": _sha256(octets), "number": str(number)})


def _shared(session: Session, attended: Attended) -> bytes:
    """Make the next storage key and a share of it for each operator; return it. Those of before hold until everything is sealed anew."""
    secret = secrets.token_bytes(STORAGE_KEY_BYTES)
    made = shamir.split(secret, len(attended.operators), attended.needed, secrets.token_bytes(len(secret) * (attended.needed - 1)))
    folder = session.place / f"{SHARES}{NEW}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    for (number, octets), name in zip(made.items(), attended.operators, strict=True):
        replace(folder / f"{number}.txt", escrow.written(Share(KEY, number, attended.needed, octets), len(made)))
        session.note("share given", {"share": str(number), "operator": name, "needed": str(attended.needed)})
    return secret


def _reseal(place: Path, fresh: bytes) -> None:
    """Seal all keys under another storage key, so that shares of before open nothing once `finish` has put them in their place."""
    private, beside = place / "keys" / PRIVATE, place / "keys" / f"{PRIVATE}{NEW}"
    shutil.rmtree(beside, ignore_errors=True)
    old, new = (Vault(folder, key) for folder, key in ((private, (place / "keys" / STORAGE).read_bytes()), (beside, fresh)))
    for file in private.glob("*/*"):
        new.put(*old.get(file.name))
    _move(private, place / "keys" / f"{PRIVATE}{OLD}")


def finish(place: Path) -> None:
    """Put resealed keys and their shares in the place of those of before, or away with them when a session was cut off before that.

    Once the keys of before have stepped aside, what is new is whole; until then, what is there is good.
    """
    private, former, shares = place / "keys" / PRIVATE, place / "keys" / f"{PRIVATE}{OLD}", place / SHARES
    beside, handed = private.with_name(f"{PRIVATE}{NEW}"), place / f"{SHARES}{NEW}"
    if not former.exists():
        shutil.rmtree(beside, ignore_errors=True)
        shutil.rmtree(handed, ignore_errors=True)
        return
    if not private.exists():
        _move(beside, private)
    if handed.exists():
        shutil.rmtree(shares, ignore_errors=True)
        _move(handed, shares)
    shutil.rmtree(former)


def _move(one: Path, where: Path) -> None:
    """Rename a folder, durable on return."""
    one.rename(where)
    sync_directory(where.parent)


def _unlock(place: Path, texts: Sequence[bytes]) -> None:
    """Bring the storage key back. Raises CeremonyFailed."""
    try:
        found = [escrow.share(text) for text in texts]
        needed = max((one.needed for one in found), default=2)
        shares = {one.place: one.octets for one in found if one.key_id == KEY}
        if len(shares) < needed:
            raise CeremonyFailed(f"{needed} different shares of this root are needed, these are {len(shares)}")
        secret = shamir.join(shares)
    except (BadShare, ValueError) as reason:
        raise CeremonyFailed(str(reason)) from reason
    try:
        _opens(place, secret)
    except Damaged as reason:
        raise CeremonyFailed("these shares do not open the root's key: one of them is of an earlier session") from reason
    replace(place / "keys" / STORAGE, secret)


def _opens(place: Path, secret: bytes) -> None:
    if len(secret) != STORAGE_KEY_BYTES:
        raise Damaged("a storage key of another length")
    Vault(place / "keys" / PRIVATE, secret).get(KEY)


def _authorities(pem: bytes) -> list[bytes]:
    """Return the certificates of issuing authorities. Raises CeremonyFailed."""
    found = certificates(pem)
    for octets in found:
        constraints = x509.load_der_x509_certificate(octets).extensions.get_extension_for_class(x509.BasicConstraints).value
        if not constraints.ca or constraints.path_length is None:
            raise CeremonyFailed("only authorities that issue no others are certified here")
    return found


def certificates(pem: bytes) -> list[bytes]:
    """Return certificates in PEM as DER. Raises CeremonyFailed."""
    try:
        return [one.public_bytes(Encoding.DER) for one in x509.load_pem_x509_certificates(pem)]
    except ValueError as reason:
        raise CeremonyFailed(f"these are no certificates in PEM: {reason}") from reason


def _described(certificate: bytes) -> dict[str, str]:
    loaded = x509.load_der_x509_certificate(certificate)
    return {
        "subject": loaded.subject.rfc4514_string(),
        "serial": f"{loaded.serial_number:x}",
        "until": loaded.not_valid_after_utc.isoformat(),
        "sha256": _sha256(certificate),
    }


def _sha256(octets: bytes) -> str:
    return sha256(octets).hexdigest()
