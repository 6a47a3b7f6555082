"""Letters by RFC 3156: signed, encrypted, judged and opened with the keys of an account and of its correspondents.

The key of an address is, in this order: that of our own account which has it, what the operator pinned, what the account pinned.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from config.database import Tx
from mailcore.message.index import index
from mailcore.openpgp import lookup, mime, own, pins
from mailcore.openpgp.pins import EVERYBODY, Pin
from mailcore.services import Services
from signing.openpgp import keys, letters
from signing.openpgp.errors import BadPgpKey, NoPgpKey
from signing.openpgp.types import Judged, Key, Opened

MAX_KEYS_TRIED = 3  # of an account, newest first: two renewals back


@dataclass(frozen=True, slots=True)
class Reading:
    """What the signature of a letter is worth to an account.

    `pin` is the key that the account knows of the author; `brought` another one that came with the letter. Without a pin
    `judged` is by the key that was brought, which anybody could have made.
    """

    author: str
    judged: Judged
    pin: Pin | None
    brought: Key | None


def known(tx: Tx, account_id: int, address: str) -> Pin | None:
    """Return the key of an address; None when none is known."""
    ours = [one for one in own.of_address(tx, address) if own.is_in_force(one, tx.now_us)]
    if ours:
        return Pin(EVERYBODY, address.lower(), ours[0].fingerprint, ours[0].public_key, "operator", ours[0].created_us)
    return pins.find(tx, account_id, address)


async def of_recipient(services: Services, account_id: int, address: str) -> Pin | None:
    """Return the key to write to an address with: what is known, else what its domain publishes, which is pinned now."""
    pin = await services.db.read(known, account_id, address)
    return pin if pin is not None else await look_up(services, account_id, address)


async def look_up(services: Services, account_id: int, address: str) -> Pin | None:
    """Ask the directory of the address's domain and take notice of what it says; None when it has no usable key.

    A key that is known already only ever learns something by it, above all that it was revoked: what is asked of a directory that forgot
    a revocation does not undo it.
    """
    if not services.settings.openpgp.lookup:
        return None
    pin: Pin | None = None
    try:
        octets = await lookup.directory(services).fetch(address)
        if octets is None:
            return None
        pin = await _renewed(services, account_id, address, octets)
        key = await own.run(keys.of_address, octets, address)
    except BadPgpKey:
        return pin
    if pin is not None and pin.fingerprint == key.fingerprint:
        return pin
    return await services.db.write(pins.see, account_id, address, key, "directory")


async def _renewed(services: Services, account_id: int, address: str, octets: bytes) -> Pin | None:
    """Tell the key that is pinned for an address what a file says of it; return how it is known then, None when none is."""
    pin = await services.db.read(pins.find, account_id, address)
    if pin is None:
        return None
    key = await own.run(keys.renewed, pin.public_key, octets, address)
    return await services.db.write(pins.see, account_id, address, key, "directory")


async def sign(services: Services, account_id: int, entity: bytes) -> bytes:
    """Return an entity as multipart/signed with the account's key (RFC 3156 §5). Raises NoPgpKey, BadPgpKey, PgpUnavailable."""
    secret = await own.opened(services.signer, await current(services, account_id))
    signature = await own.run(letters.sign, secret, entity)
    return mime.signed(entity, signature, letters.MICALG, _boundary())


async def encrypt(services: Services, account_id: int, entity: bytes, recipients: Sequence[str], hidden: Sequence[str] = ()) -> bytes:
    """Return an entity as multipart/encrypted to everybody and to the account itself, signed inside when it has a key (RFC 3156 §6.2).

    Raises NoPgpKey when somebody has no key, BadPgpKey, PgpUnavailable.
    """
    mine = await services.db.read(own.current, account_id)
    shown, unseen = await keys_of(services, account_id, recipients), await keys_of(services, account_id, hidden)
    secret = await own.opened(services.signer, mine) if mine is not None else None
    to = (*shown, mine.public_key) if mine is not None else shown
    return mime.encrypted(await own.run(letters.encrypt, entity, to, unseen, secret), _boundary())


async def judge(
    services: Services, account_id: int, author: str, octets: bytes, signature: bytes, attached: Sequence[bytes] = ()
) -> Reading:
    """Return what a signature over octets is worth by the key of the author. Raises PgpUnavailable."""
    pin = await services.db.read(known, account_id, author) if author else None
    judged = await own.run(letters.verify, pin.public_key if pin is not None else b"", octets, signature)
    if judged.worth != "unknown":
        return Reading(author, judged, pin, None)
    brought = await _brought(author, attached, pin)
    if pin is None and brought is not None:
        judged = await own.run(letters.verify, brought.octets, octets, signature)
    return Reading(author, judged, pin, brought)


async def decrypt(services: Services, account_id: int, author: str, octets: bytes) -> tuple[Opened, Reading]:
    """Open what was encrypted to an account, and judge what was signed inside. Raises CannotOpen, PgpUnavailable."""
    mine = await services.db.read(own.of_account, account_id)
    secrets_ = [await own.opened(services.signer, one) for one in mine[:MAX_KEYS_TRIED]]
    pin = await services.db.read(known, account_id, author) if author else None
    opened = await own.run(letters.decrypt, secrets_, octets, pin.public_key if pin is not None else b"")
    if opened.judged.worth != "unknown":
        return opened, Reading(author, opened.judged, pin, None)
    brought = await _brought(author, mime.attached_keys(opened.octets, index(opened.octets).header.spans), pin)
    if pin is None and brought is not None:
        opened = await own.run(letters.decrypt, secrets_, octets, brought.octets)
    return opened, Reading(author, opened.judged, pin, brought)


async def keys_of(services: Services, account_id: int, addresses: Sequence[str]) -> tuple[bytes, ...]:
    """Return the public keys of addresses, looked up where they are not known. Raises NoPgpKey that names who has none."""
    found = [(address, await of_recipient(services, account_id, address)) for address in addresses]
    missing = [address for address, pin in found if pin is None]
    if missing:
        raise NoPgpKey(f"no OpenPGP key is known of {', '.join(missing)}", missing=missing)
    return tuple(pin.public_key for _, pin in found if pin is not None)


async def current(services: Services, account_id: int) -> own.OwnKey:
    """Return the key with which an account signs. Raises NoPgpKey."""
    mine = await services.db.read(own.current, account_id)
    if mine is None:
        raise NoPgpKey("this sender has no OpenPGP key in force", account_id=account_id)
    return mine


async def _brought(author: str, attached: Sequence[bytes], pin: Pin | None) -> Key | None:
    """Return the first key of the author that came along and is not the one known."""
    for octets in attached:
        try:
            key = await own.run(keys.of_address, octets, author)
        except BadPgpKey:
            continue
        if pin is None or key.fingerprint != pin.fingerprint:
            return key
    return None


def _boundary() -> str:
    return f"=_{secrets.token_hex(16)}"
