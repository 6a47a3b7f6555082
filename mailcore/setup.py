"""`diwan init`: make a node. The settings file is written last, so a directory that has one is whole."""

import contextlib
import dataclasses
import json
import secrets
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from config import settings
from config.database import Tx
from config.errors import MailError
from config.settings import FILE, Settings
from directory import acts, address
from directory.acts.addresses import AliasAdd, DomainCreate
from directory.acts.credentials import PasswordReset
from directory.acts.grants import GrantGive
from directory.acts.holdings import HoldingStart
from directory.acts.organisations import OrganisationCreate
from directory.acts.people import PersonCreate
from directory.acts.posts import PostCreate
from directory.acts.units import UnitCreate
from directory.demo import FeaturedPerson, generate
from directory.errors import BadAddress
from directory.rights import CONSOLE
from directory.signin import app_passwords
from directory.signin.passwords import prepare
from directory.types import PasswordHash
from mailcore import certify, services
from mailcore.services import ROOTS, Services
from signing.vault import replace

FOLDERS = ("data", "keys", "run")
PORTS = {
    "smtp": 525,
    "submission": 587,
    "submissions": 465,
    "imap": 143,
    "imaps": 993,
    "https": 443,
    "ldaps": 636,
    "sieve": 4190,
    "pki": 80,
}
DEMO_FILE = "demo.json"
HOST = "127.0.0.1"
FACES = ("autoconfig", "autodiscover", "mta-sts")
DEMO_HOSTNAME = "mx.diwan.example"
REGISTRY = "bureau.ordre"
DEMO_POSTMASTER = "postmaster@interieur.gov.example"  # a registry of the demonstration reads it
CLERK, CLERK_FR, CLERK_AR = "greffe", "Agent du bureau d'ordre", "عون مكتب الضبط"


class BadName(MailError):
    text = "this is not a domain name"


class NodeExists(MailError):
    text = "there is a node already"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What kind of node is to be made."""

    demo: bool
    seed: int
    people: int
    port_base: int
    hostname: str
    domain: str
    database: str


@dataclass(frozen=True, slots=True)
class Made:
    """A new node: who can sign in, and the same with its listeners and root certificate as JSON."""

    sign_ins: tuple[FeaturedPerson, ...]
    described: bytes


async def init(directory: Path, wanted: Wanted, console: Console) -> Made:
    """Make a node in `directory` and return who can sign in. Raises NodeExists, BadName, SettingsError."""
    if (directory / FILE).exists():
        raise NodeExists(f"{directory} holds a node already; choose another directory")
    if (directory / "keys").exists():
        raise NodeExists(f"{directory} is what an interrupted `diwan init` left; remove it and try again")
    wanted = _canonical(wanted)
    text = toml(wanted.hostname, wanted)
    read = settings.parse(text, directory)
    with _undone_on_failure(directory):
        async with services.opened(read) as node:
            await certify.found(node, f"Diwan {wanted.hostname}", [wanted.hostname, "localhost", HOST, *_faces(wanted.domain)])
            sign_ins = await _demo(node, wanted, console) if wanted.demo else []
            if wanted.domain:
                sign_ins.append(await _first_administration(node, wanted.domain))
        described = _describe(read, sign_ins)
        if wanted.demo:  # mode 0600: it holds passwords, invented ones; those of a real node are said once and kept nowhere
            replace(directory / DEMO_FILE, described)
        replace(directory / FILE, text.encode())
    return Made(tuple(sign_ins), described)


def _canonical(wanted: Wanted) -> Wanted:
    """Return what is wanted with its names as A-labels: certificates and greetings know no other. Raises BadName."""
    domain = _name("--domain", wanted.domain) if wanted.domain else ""
    hostname = _name("--hostname", wanted.hostname) if wanted.hostname else f"mx.{domain}" if domain else DEMO_HOSTNAME
    return dataclasses.replace(wanted, domain=domain, hostname=hostname)


def _name(option: str, written: str) -> str:
    try:
        return address.parse_domain(written)
    except BadAddress:
        raise BadName(f"{option} {written}: this is not a domain name") from None


@contextlib.contextmanager
def _undone_on_failure(directory: Path) -> Iterator[None]:
    """Make a node's folders; take away what was made when the node is not finished, so that one can try again."""
    made = [folder for folder in (directory, *(directory / name for name in FOLDERS)) if not folder.exists()]
    for folder in made:
        folder.mkdir(mode=0o700, parents=True)
    try:
        yield
    except BaseException:
        for folder in reversed(made):
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _faces(domain: str) -> list[str]:
    """Return the names under which mail clients look for settings, which the listener's certificate must have too."""
    return [f"{face}.{domain}" for face in FACES] if domain else []


def toml(hostname: str, wanted: Wanted) -> str:
    """Return the text of a new node's diwan.toml."""
    listen = "\n".join(f'{name} = "{HOST}:{wanted.port_base + port}"' for name, port in PORTS.items())
    postmaster = DEMO_POSTMASTER if wanted.demo else f"postmaster@{wanted.domain or hostname}"
    return f"""# A Diwan node. `diwan doctor` says what is wrong with it.

[node]
hostname = "{hostname}"
postmaster = "{postmaster}"

[database]
url = {json.dumps(wanted.database)}

[listen]
{listen}

[tls]
certificate = "keys/tls/node.pem"
key = "keys/tls/node.key"
{_demo_settings(wanted) if wanted.demo else ""}"""


def _demo_settings(wanted: Wanted) -> str:
    """A demonstration publishes a manifest, and is reached by other platforms under the name that its visitors use."""
    return f"""
[manifest]
publish = "demo"

[openid]
issuer = "https://localhost:{wanted.port_base + PORTS["https"]}"
"""


async def _demo(node: Services, wanted: Wanted, console: Console) -> list[FeaturedPerson]:
    """Fill the directory with a demonstration country; certify its featured people and the posts they hold."""
    with Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=console, transient=True) as bar:
        filling = bar.add_task("people", total=wanted.people)
        country = await generate(node.db, wanted.seed, wanted.people, lambda done, _: bar.update(filling, completed=done))
        certifying = bar.add_task("certificates", total=len(country.featured))
        for person in country.featured:
            for written in (person.address, *person.posts):
                await certify.certify_address(node, written)
                if written.startswith(f"{REGISTRY}@"):
                    await certify.seal_of(node, written)
            bar.advance(certifying)
    return list(country.featured)


async def _first_administration(node: Services, domain: str) -> FeaturedPerson:
    """Make an administration with its registry, and one person who keeps it."""
    password = secrets.token_urlsafe(12)
    person = await node.db.write(_found_administration, domain, password, await node.signin.hasher.hash(prepare(password)))
    for written in (person.address, *person.posts):
        await certify.certify_address(node, written)
    app_password = await app_passwords.create(node.db, person.person_id, "first", hasher=node.signin.hasher)
    return dataclasses.replace(person, app_password=app_password.secret)


def _found_administration(tx: Tx, domain: str, password: str, kept: PasswordHash) -> FeaturedPerson:
    """Make it by acts of the console, so that the journal begins with it. The registry numbers, its first keeper administers."""

    def made(act: acts.Act) -> Any:
        return acts.perform(tx, CONSOLE, act, "diwan init").value

    owner = made(OrganisationCreate("administration", domain, domain, domain)).organisation_id
    name = made(DomainCreate(domain, owner))
    unit = made(UnitCreate(owner, REGISTRY, "مكتب الضبط المركزي", "Bureau d'ordre central", kind="registry")).unit_id
    post = made(PostCreate(unit, "مكتب الضبط", "Bureau d'ordre", f"{REGISTRY}@{name}", function="registry"))
    made(AliasAdd(post.post_id, f"postmaster@{name}"))  # alarms and answers to reports go there (RFC 5321 §4.5.1)
    person = made(PersonCreate(CLERK_AR, CLERK_FR, f"{CLERK}@{name}", unit_id=unit))
    made(HoldingStart(post.post_id, person.person_id))
    made(PasswordReset(person.person_id, kept))
    made(GrantGive(post.post_id, "clerk", "organisation", owner))
    made(GrantGive(person.person_id, "administrator", "organisation", owner))
    return FeaturedPerson(
        person.person_id, person.address, password, CLERK_FR, CLERK_AR, name, ("clerk", "administrator"), (post.address,), ""
    )


def _describe(read: Settings, sign_ins: Sequence[FeaturedPerson]) -> bytes:
    """Return who and where, as JSON: what `diwan init --json` prints and, for a demonstration, demo.json holds."""
    described = {
        "ca": str(read.keys / ROOTS),
        "listen": msgspec.structs.asdict(read.listen),
        "people": [{name: value for name, value in asdict(one).items() if name != "person_id"} for one in sign_ins],
    }
    return msgspec.json.format(msgspec.json.encode(described), indent=2)
