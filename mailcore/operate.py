"""What an operator asks of a node: is the store sound, are its surroundings in order."""

import contextlib
import os
import shutil
import socket
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from cryptography import x509

from config import settings, surroundings
from config.clock import SystemClock
from config.database import Tx
from config.engines import open_database
from config.errors import MailError
from config.settings import Settings
from directory import resolve
from directory.address import parse
from directory.errors import BadCredentials
from mailcore import dns, ldap, services
from mailcore.activation import process as activation
from mailcore.activation.client import Activator, socket_path
from mailcore.checks import keys, looks
from mailcore.evidence import watch as watch_evidence
from mailcore.pki import lasting
from mailcore.pki import watch as watch_certificates
from mailcore.queue import watch
from mailcore.routing.doctor import look as look_at_ways
from mailcore.store.check import check as check_rows
from mailcore.store.check import check_blobs
from mailcore.store.fulltext.checking import check_segments
from signing.errors import SignerUnavailable

MIN_FREE_BYTES = 2 << 30  # below this a busy node fills its disk before anyone looks
WARN_BEFORE = timedelta(days=30)  # time to renew a certificate without haste
ANSWER_S = 2  # a listener of this machine takes a connection at once
PRIVATE = 0o077  # nobody but the owner may look at keys


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, and what it looked like."""

    check: str
    ok: bool
    said: str
    fixed: bool = False


async def check(directory: Path) -> list[str]:
    """Return the broken invariants of a node's store, blobs and full-text index included; empty when it is sound."""
    async with services.opened(settings.load(directory)) as node:
        return await node.db.read(check_rows) + await check_blobs(node.db, node.store) + await check_segments(node.store)


async def doctor(directory: Path, *, fix: bool) -> list[Finding]:
    """Look at a node's surroundings, with `fix` also mend what needs no decision."""
    try:
        read = settings.load(directory)
    except MailError as error:
        return [Finding("settings", False, error.text)]
    findings = [Finding("settings", True, f"{directory / settings.FILE} is well formed"), *(look(read) for look in LOOKS)]
    findings += [_private(path, fix=fix) for path in (read.keys, *sorted(read.keys.rglob("*.key")))]
    running = await services.is_running(read)
    findings += [_listener(read, name, where, running=running) for name, where in msgspec.structs.asdict(read.listen).items() if where]
    if read.listen.https and running:
        findings.append(await _activations(read))
    findings += await _opens(read)
    return findings + await _checks(read)


def _python(read: Settings) -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Finding("python", sys.version_info >= (3, 11), f"Python {version}, 3.11 or newer is needed")


def _disk(read: Settings) -> Finding:
    free = shutil.disk_usage(read.directory).free
    return Finding("disk", free >= MIN_FREE_BYTES, f"{free >> 20} MiB free, {MIN_FREE_BYTES >> 20} are wanted")


def _certificate(read: Settings) -> Finding:
    try:
        certificate = x509.load_pem_x509_certificates(read.tls.certificate.read_bytes())[0]
    except (OSError, ValueError) as error:
        return Finding("certificate", False, f"{read.tls.certificate}: {error}")
    try:
        surroundings.certified(read)
    except MailError as error:
        return Finding("certificate", False, error.text)
    left = certificate.not_valid_after_utc - datetime.now(UTC)
    return Finding("certificate", left > WARN_BEFORE, f"the listeners' certificate is valid for {left.days} more days")


def _address_book(read: Settings) -> Finding:
    try:
        return Finding("ldap", True, f"address books begin at {ldap.base(read)}")
    except MailError as error:
        return Finding("ldap", False, error.text)


LOOKS: tuple[Callable[[Settings], Finding], ...] = (_python, _disk, _certificate, _address_book)


def _private(path: Path, *, fix: bool) -> Finding:
    mode = stat.S_IMODE(path.stat().st_mode)
    if not mode & PRIVATE:
        return Finding("private", True, f"{path} is the owner's alone")
    if fix:
        os.chmod(path, mode & ~PRIVATE)
        return Finding("private", True, f"{path} was open to others and is the owner's alone now", fixed=True)
    return Finding("private", False, f"{path} is open to others (mode {mode:o}); --fix closes it")


def _listener(read: Settings, name: str, where: str, *, running: bool) -> Finding:
    """Say whether somebody answers; a node that is not running is no fault, a port of somebody else is."""
    try:
        with _connected(read, name, where):
            said = "answers" if running else "answers, but this node is not running: another program has this port"
            return Finding(name, running, f"{where} {said}")
    except (ConnectionRefusedError, FileNotFoundError):
        said = "does not answer, and the node is running" if running else "is free: the node is not running"
        return Finding(name, not running, f"{where} {said}")
    except OSError as error:
        return Finding(name, False, f"{where}: {error}")


async def _activations(read: Settings) -> Finding:
    """Ask the process that lets keys work, which may have to be started for that, as it is at the first proof."""
    activator = Activator(socket_path(read.directory), answer_s=ANSWER_S)
    try:
        async with activation.running(read):
            with contextlib.suppress(BadCredentials):  # the postmaster may be nobody here
                await activator.asked(read.node.postmaster)
    except SignerUnavailable:
        said = "the process that hears who is there does not answer: nobody can sign or open encrypted letters"
        return Finding("activation", False, said)
    finally:
        await activator.close()
    return Finding("activation", True, "the process that hears who is there answers")


def _connected(read: Settings, name: str, where: str) -> socket.socket:
    if name != "lmtp":
        return socket.create_connection(settings.endpoint(where), timeout=ANSWER_S)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.settimeout(ANSWER_S)
        made.connect(str(read.directory / where))
    except OSError:
        made.close()
        raise
    return made


async def _checks(read: Settings) -> list[Finding]:
    """Say whether the records of our keys are published, and whether the scanners answer."""
    looked = await looks.scanners(read.checks)
    try:
        db = await open_database(read.database.url, read.data, SystemClock())
    except MailError:
        return [Finding(each.check, each.ok, each.said) for each in looked]  # `store` tells of it
    try:
        looked += await looks.records(await db.read(keys.every), dns.system_resolver(read.dns))
    finally:
        await db.close()
    return [Finding(each.check, each.ok, each.said) for each in looked]


async def _opens(read: Settings) -> list[Finding]:
    try:
        async with services.opened(read) as node:
            broken = await node.db.read(check_rows)
            queued = await node.db.read(watch.standing, 3)
            ways = await node.db.read(look_at_ways, read)
            postmaster = await node.db.read(_postmaster, read)
            ending = await node.db.read(watch_certificates.soon, read.pki.alert_days)
            lists, _ = await node.db.read(lasting.standing)
            records = await node.db.read(watch_evidence.standing)
    except MailError as error:
        return [Finding("store", False, error.text)]
    said = "database, signer and counts are in order" if not broken else f"{broken[0]} (and more: diwan check)"
    timely = queued.oldest_s is None or queued.oldest_s <= read.queue.old_s
    waiting = Finding("queue", timely, watch.said(queued, read.queue.old_s))
    issued = Finding("certificates", not ending, watch_certificates.said(ending, read.pki.alert_days))
    published = Finding("revocation", *lasting.said(lists))
    sealed = Finding("evidence", *watch_evidence.said(records, read.evidence.every_s))
    return [Finding("store", not broken, said), waiting, postmaster, issued, published, sealed, *(Finding(*way) for way in ways)]


def _postmaster(tx: Tx, read: Settings) -> Finding:
    """Say whether somebody reads what is sent to the postmaster: alarms of the queue, answers to reports, reports about TLS."""
    written = read.node.postmaster
    wanted = parse(written)
    if resolve.resolve(tx, wanted) is not None:
        return Finding("postmaster", True, f"{written} has a mailbox")
    if wanted.domain != read.node.hostname and not resolve.is_local_domain(tx, wanted.domain):
        return Finding("postmaster", True, f"{written} is elsewhere: alarms travel there")
    said = f"{written} has no mailbox: alarms and answers to reports are lost; `diwan alias add` gives one that address"
    return Finding("postmaster", False, f"{said}, or another node.postmaster")
