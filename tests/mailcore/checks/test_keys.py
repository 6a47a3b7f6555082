"""Keys of our domains: sealed, followed by the next ones, and what `diwan dkim` and `diwan doctor` say of them."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag

from bench.wire import free_port
from config.checking import Checks
from config.clock import DAY_US, ManualClock
from config.commands import ask
from config.database import Database, Tx
from directory import dkim, domains, organisations
from directory.errors import BadEntry, NotFound, NotPermitted
from mailcore import dns
from mailcore.checks import keys, looks, published
from mailcore.checks.keys import DkimKey
from tests.directory.commands.test_register_commands import diwan, fund, node
from tests.mailcore.checks.test_scanners import speaking
from tests.mailcore.wrapper import AesWrapper
from tests.peers.dns import serving

__all__ = ["fund", "node"]
DOMAIN = "cnas.example"


def register(tx) -> None:
    organisation = organisations.create(tx, "fund", "cnas", "الصندوق", "CNAS")
    domains.create(tx, DOMAIN, organisation.organisation_id)


def add(tx, made: list[DkimKey], *, first: bool) -> None:
    dkim.add(tx, DOMAIN, [keys.row(key) for key in made], first=first)


async def pair(wrapper: AesWrapper, known: list[DkimKey], now_us: int, active_us: int) -> list[DkimKey]:
    names = keys.selectors(known, now_us)
    return [await keys.make(wrapper, DOMAIN, algorithm, selector, now_us, active_us) for algorithm, selector in names.items()]


async def test_the_next_keys_take_over_in_their_time(database: Database, clock: ManualClock) -> None:
    await database.write(register)
    wrapper, now_us = AesWrapper(), clock.now_us()
    first = await pair(wrapper, [], now_us, now_us)
    await database.write(add, first, first=True)
    assert [key.selector for key in first] == ["20260101r", "20260101e"]
    assert await database.read(keys.signing, DOMAIN) == first
    assert await database.read(keys.signing, f"mail.{DOMAIN}") == first
    assert await database.read(keys.signing, "other.example") == []
    known = await database.read(keys.of_domain, DOMAIN)
    after = await pair(wrapper, known, now_us, now_us + keys.AHEAD_US)
    await database.write(add, after, first=False)
    assert [key.selector for key in after] == ["20260101r2", "20260101e2"]
    assert await database.read(keys.signing, DOMAIN) == first
    clock.advance(2 * DAY_US)
    assert await database.read(keys.signing, DOMAIN) == after
    everything = await database.read(keys.every)
    assert keys.states(everything, now_us) == ["signs", "signs", "next", "next"]
    assert keys.states(everything, clock.now_us()) == ["former", "former", "signs", "signs"]
    await database.write(dkim.remove, DOMAIN, "20260101r")
    assert len(await database.read(keys.of_domain, DOMAIN)) == 3
    with pytest.raises(NotFound):
        await database.write(dkim.remove, DOMAIN, "20260101r")
    with pytest.raises(BadEntry, match="has keys already"):
        await database.write(add, first, first=True)
    with pytest.raises(NotFound, match="not a mail domain"):
        await database.read(dkim.require_ours, "other.example")


async def test_a_key_opens_only_with_its_secret_and_in_its_place() -> None:
    wrapper = AesWrapper()
    made = await keys.make(wrapper, DOMAIN, "ed25519", "s1", 0, 0)
    opened = await keys.opened(wrapper, made)
    assert published.read(made.record).key.public_bytes_raw() == opened.private.public_key().public_bytes_raw()
    moved = DkimKey(*[value if name != "domain" else "other.example" for name, value in _fields(made)])
    with pytest.raises(InvalidTag):
        await keys.opened(wrapper, moved)
    assert opened.private.private_bytes_raw() not in made.private_sealed


def _fields(key: DkimKey) -> list[tuple[str, object]]:
    return [(name, getattr(key, name)) for name in DkimKey.__struct_fields__]


def test_the_command_makes_keys_and_says_what_to_publish(fund: Path) -> None:
    made = json.loads(diwan(fund, "dkim", "add", DOMAIN, "--json").stdout)
    assert [row["algorithm"] for row in made] == ["rsa", "ed25519"]
    assert made[0]["name"] == f"{made[0]['selector']}._domainkey.{DOMAIN}"
    for row in made:
        assert published.read(row["data"]).kind == row["algorithm"]
    assert max(len(each) for each in made[0]["zone"].split('"')[1::2]) <= 255
    with pytest.raises(BadEntry, match="has keys already"):
        diwan(fund, "dkim", "add", DOMAIN)
    assert "publish these records" in diwan(fund, "dkim", "rotate", DOMAIN).stdout
    assert [row["state"] for row in json.loads(diwan(fund, "dkim", "list", "--json").stdout)] == ["signs", "signs", "next", "next"]
    assert "destroyed" in diwan(fund, "dkim", "remove", DOMAIN, made[0]["selector"], "--yes").stdout
    assert len(ask(fund, keys.every)) == 3
    with pytest.raises(NotFound, match="not a mail domain"):
        diwan(fund, "dkim", "add", "other.example")
    diwan(fund, "domain", "add", "two.example", "cnas")
    with pytest.raises(BadEntry, match="has no keys yet"):
        diwan(fund, "dkim", "rotate", "two.example")


def test_changes_of_keys_are_journalled_without_their_secrets(fund: Path) -> None:
    made = json.loads(diwan(fund, "dkim", "add", DOMAIN, "--reason", "D-7", "--json").stdout)
    assert re.search(r"done, entry \d+ of the journal\n", diwan(fund, "dkim", "rotate", DOMAIN).stdout)
    gone = json.loads(diwan(fund, "dkim", "remove", DOMAIN, made[0]["selector"], "--yes", "--json", "--reason", "leaked").stdout)

    def journalled(tx: Tx) -> list[tuple[int, str, dict]]:
        rows = tx.rows("SELECT seq, act, body, organisation_id FROM journal WHERE act LIKE 'dkim.%' ORDER BY seq")
        assert all(row[3] is not None for row in rows)
        return [(row[0], row[1], json.loads(bytes(row[2]))) for row in rows]

    first, second, third = ask(fund, journalled)
    assert [one[1] for one in (first, second, third)] == ["dkim.add", "dkim.add", "dkim.remove"]
    assert (first[0], third[0]) == (made[0]["journal"], gone["journal"])
    assert (first[2]["reason"], third[2]["reason"]) == ("D-7", "leaked")
    assert {each["selector"] for each in first[2]["after"]["is"]} == {row["selector"] for row in made}
    assert first[2]["after"]["asked"] == {"domain": DOMAIN, "first": True}
    assert made[0]["selector"] not in {each["selector"] for each in third[2]["after"]["is"]}


def test_who_has_no_right_to_domains_changes_no_key(fund: Path, tmp_path: Path) -> None:
    said = re.search(r"is (\S+);", diwan(fund, "person", "password", "leila@cnas.example").stderr)
    word = tmp_path / "word"
    word.write_text(said[1], "utf-8")
    leila = ("--as", "leila@cnas.example", "--password-file", str(word))
    with pytest.raises(NotPermitted):
        diwan(fund, "dkim", "add", DOMAIN, *leila)
    assert ask(fund, keys.every) == []
    selector = json.loads(diwan(fund, "dkim", "add", DOMAIN, "--json").stdout)[0]["selector"]
    with pytest.raises(NotPermitted):
        diwan(fund, "dkim", "remove", DOMAIN, selector, "--yes", *leila)
    assert len(ask(fund, keys.every)) == 2


async def test_doctor_says_what_is_missing_or_differs() -> None:
    made = [await keys.make(AesWrapper(), DOMAIN, "ed25519", f"s{number}", 0, 0) for number in range(4)]
    spaced = made[0].record.replace("; ", ";").replace("p=", "t=s; p= ")
    zone = {(made[0].name, "TXT"): [f'"{spaced[:20]}" "{spaced[20:]}"'], (made[1].name, "TXT"): [f'"{made[0].record}"']}
    async with serving(zone) as server:
        server.broken.add(made[3].name)
        found = await looks.records(made, dns.system_resolver(server.settings))
    assert [look.ok for look in found] == [True, False, False, False]
    assert "is published" in found[0].said
    assert "differs" in found[1].said
    assert made[2].zone_line in found[2].said
    assert "does not answer" in found[3].said


@pytest.mark.peer
@pytest.mark.xdist_group("scanners")
async def test_doctor_asks_the_scanners(clamd: tuple[str, str], rspamd: str) -> None:
    checks = Checks(clamav=clamd[0], rspamd=rspamd)
    assert [(look.check, look.ok) for look in await looks.scanners(checks)] == [("clamav", True), ("rspamd", True)]


async def test_doctor_says_that_a_scanner_is_gone() -> None:
    checks = Checks(clamav="/nonexistent/clamd", rspamd=f"http://127.0.0.1:{free_port()}")
    assert [(look.check, look.ok) for look in await looks.scanners(checks)] == [("clamav", False), ("rspamd", False)]
    assert await looks.scanners(Checks()) == []


@pytest.mark.parametrize(("age", "ok"), [(timedelta(days=1), True), (timedelta(days=8), False)])
async def test_doctor_says_that_signatures_are_old(age: timedelta, ok: bool) -> None:
    now = datetime(2026, 11, 22, 9, tzinfo=UTC)
    dated = (now - age).strftime("%a %b %d %H:%M:%S %Y")
    async with speaking(f"ClamAV 1.4.6/27500/{dated}\0".encode()) as place:
        [look] = await looks.scanners(Checks(clamav=place), now)
    assert look.ok is ok
    assert f"{now - age:%Y-%m-%d}" in look.said
