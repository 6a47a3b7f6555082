"""Who writes to whom while a node dies, and what must have become of it afterwards.

Most letters go to Karim, to a stranger at the sink, to nobody (which must give Amina a report), to a list of Karim and two
clerks, and to somebody absent whose script files the letter, sends it on to the sink and answers Amina. Every third is plain:
it goes to Karim and a clerk, and is delivered as it is accepted.
"""

import os
from pathlib import Path

import msgspec

from config.checking import Checks
from config.database import Tx
from config.settings import Queue, Route, Settings
from directory import lists, organisations, people, resolve
from directory.address import parse
from directory.queries import Query
from mailcore.services import Services
from mailcore.sieve import scripts
from tests.mailcore.queue import node

FAR, ONWARD = "far@elsewhere.example", "onward@elsewhere.example"
NOBODY = f"nobody@{node.DOMAIN}"
CLERKS = (f"clerk1@{node.DOMAIN}", f"clerk2@{node.DOMAIN}")
ABSENT = f"absent@{node.DOMAIN}"
LIST = f"everybody@{node.DOMAIN}"
SCRIPT = f"""require ["fileinto", "vacation", "variables"];
if header :matches "subject" "*" {{ set "subject" "${{1}}"; }}
redirect "{ONWARD}";
fileinto "Archive";
vacation :handle "${{subject}}" "absent";
"""
LARGE_BYTES = 160_000  # of noise, twice as many in hexadecimal digits: a blob that is a file, a message that is spooled


def settings(directory: Path, url: str, port: int = 9, workers: int = 1) -> Settings:
    """Settings of a node whose foreign mail goes to the sink, tries again soon and asks no DNS."""
    routes = [Route(domain="", host="127.0.0.1", port=port, tls="opportunistic")]
    limits = Queue(workers=workers, lease_s=1, retry_first_s=1, retry_max_s=1)
    return msgspec.structs.replace(node.settings(directory, url, routes, limits), checks=Checks(enabled=False))


def everybody(tx: Tx) -> None:
    """Make the clerks, the absent one and the list, unless an earlier run has."""
    if resolve.resolve(tx, parse(LIST)) is not None:
        return
    ids = [people.create(tx, "كاتب", "Clerc", parse(address)).person_id for address in CLERKS]
    people.create(tx, "غائب", "Absent", parse(ABSENT))
    for address in (node.KARIM, node.AMINA):
        target = resolve.resolve(tx, parse(address))
        assert target is not None
        ids.append(target.account_id)
    *members, owner = ids
    ministry = organisations.by_code(tx, "interieur").organisation_id
    lists.create(tx, ministry, owner, parse(LIST), "الجميع", "Tous", Query(members=tuple(members)), "everyone")


async def prepare(services: Services) -> None:
    """Make everybody, and put the script in force."""
    await services.db.write(everybody)
    account = await services.store.open_account(await services.db.read(node._account_id, ABSENT))
    if await services.db.read(scripts.active, account) is None:
        await services.db.write(scripts.put_in_force, account, "rules", SCRIPT.encode())


def is_plain(number: int) -> bool:
    """Say whether the letter with this number is delivered as it is accepted."""
    return number % 3 == 2


def plain(numbers: range) -> range:
    """Return the numbers of as many plain letters."""
    return range(3 * numbers.start + 2, 3 * numbers.stop + 2, 3)


def recipients(number: int) -> tuple[str, ...]:
    """To whom the letter with this number goes."""
    return (node.KARIM, CLERKS[0]) if is_plain(number) else (node.KARIM, FAR, NOBODY, LIST, ABSENT)


def letter(number: int, large: bool | None = None) -> bytes:
    """The letter with this number: large ones (odd numbers, unless said) become files, small ones rows."""
    large = bool(number % 2) if large is None else large
    filler = os.urandom(LARGE_BYTES).hex().encode() if large else b"x" * number
    lines = b"\r\n".join(filler[n : n + 76] for n in range(0, len(filler), 76))
    head = f"Message-ID: <{number}@kill>\r\nFrom: <{node.AMINA}>\r\nTo: <{ABSENT}>\r\nSubject: {number}\r\n\r\n"
    return head.encode() + lines + b"\r\n"
