"""One node lets people sign in with another one: two real nodes, a browser, and Authlib's client between them."""

import asyncio
import dataclasses
import html as markup
import re
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio
from rich.console import Console

from config import settings
from config.sources import IdentityProvider
from directory import people
from directory.address import parse
from directory.demo import FeaturedPerson
from directory.oidc import links
from mailcore import setup
from mailcore.services import opened
from tests.webmail.oidc.conftest import Browser, Node, served
from webmail.app import web

pytestmark = pytest.mark.asyncio(loop_scope="session")

SECRET = "x" * 43


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def town(node: Node) -> AsyncIterator[Node]:
    """A node of a town, where the ministry's clerk has an account too; its people may sign in at the ministry."""
    with tempfile.TemporaryDirectory(prefix="diwan-town-") as folder:
        directory = Path(folder) / "node"
        wanted = setup.Wanted(False, 1, 20, 41_000, "", "interieur.gov.example", "sqlite")
        await asyncio.to_thread(lambda: asyncio.run(setup.init(directory, wanted, Console(quiet=True))))
        (Path(folder) / "secret").write_text(SECRET)
        async with opened(settings.load(directory)) as services:
            services = served(services, "localhost")
            back = f"{services.settings.issuer}/signin/from"
            common = {"issuer": node.issuer, "label_ar": "الوزارة", "label_fr": "Ministère", "label_en": "Ministry"}
            ca = node.services.settings.keys / "root.pem"
            keyed = await node.register(
                auth="private_key_jwt",
                jwks=msgspec.json.encode(await services.openid.keys.published()).decode(),
                redirect_uris=(f"{back}/keyed",),
                post_logout_redirect_uris=(),
            )
            secret = await node.register(secret=SECRET, redirect_uris=(f"{back}/secret", f"{back}/strict"), post_logout_redirect_uris=())
            shared = common | {"client_id": secret, "secret": Path(folder) / "secret", "ca": ca}
            providers = (
                IdentityProvider("keyed", client_id=keyed, domains=("interieur.gov.example",), ca=ca, **common),
                IdentityProvider("secret", domains=("interieur.gov.example",), **shared),
                IdentityProvider("strict", **shared),
                IdentityProvider("mixed", **(shared | {"issuer": f"{node.issuer}/other"})),
            )
            replaced = msgspec.structs.replace(services.settings, identity_providers=providers)
            services = dataclasses.replace(services, settings=replaced)
            async with web(services):
                yield Node(services, {})


@pytest.fixture
def clerk(node: Node) -> FeaturedPerson:
    return node.people["bureau.ordre@interieur.gov.example"]


@pytest_asyncio.fixture(loop_scope="session")
async def twin(town: Node, clerk: FeaturedPerson) -> int:
    """The clerk's account at the town; nothing is linked."""

    def make(tx: Any) -> int:
        tx.execute("DELETE FROM openid_link")
        row = tx.row("SELECT person_id FROM person WHERE address = :address", address=clerk.address)
        return int(row[0]) if row else people.create(tx, "لطفي", "Lotfi", parse(clerk.address)).person_id

    return await town.services.db.write(make)


class Travelling(Browser):
    """A browser that follows from one node to the other."""

    def __init__(self, first: Node, second: Node) -> None:
        trusts = first.trust
        for root in second.services.roots:
            trusts.load_verify_locations(cadata=root)
        super().__init__(httpx.AsyncClient(base_url=first.issuer, verify=trusts, cookies={"__Host-language": "en"}))
        second.opened.append(self.client)

    async def go(self, address: str) -> httpx.Response:
        answer = await self.client.get(address, headers={"sec-fetch-site": "cross-site"}, follow_redirects=True)
        self.last = answer
        return answer

    async def over(self, path: str, **fields: str) -> httpx.Response:
        """Send the form of the last page to the node that showed it, and follow."""
        assert self.last is not None
        form = {name: html for name, html in self._fields(self.last.text) if name in ("csrf", "request", "next")} | fields
        target = self.last.url.join(path)
        answer = await self.client.post(target, data=form, headers={"sec-fetch-site": "same-origin"}, follow_redirects=True)
        while refresh := re.search(r'http-equiv="refresh" content="0;url=([^"]*)"', answer.text):
            answer = await self.client.get(markup.unescape(refresh[1]), headers={"sec-fetch-site": "same-origin"}, follow_redirects=True)
        self.last = answer
        return answer

    @staticmethod
    def _fields(text: str) -> list[tuple[str, str]]:
        return [(name, markup.unescape(value)) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', text)]


async def travel(town: Node, node: Node, clerk: FeaturedPerson, name: str) -> Travelling:
    """Go from the town's sign-in page to the ministry, sign in there, allow, and come back."""
    browser = Travelling(town, node)
    page = await browser.go(f"{town.issuer}/signin?next=/")
    assert f"/signin/with/{name}?next=/" in page.text
    page = await browser.go(f"{town.issuer}/signin/with/{name}?next=/")
    assert str(page.url).startswith(f"{node.issuer}/signin"), page.text
    page = await browser.over("/signin", login=clerk.address, password=clerk.password)
    if page.url.path == "/oauth/authorize":
        await browser.over("/oauth/consent", decision="allow")
    return browser


@pytest.mark.parametrize("name", ["secret", "keyed"])
async def test_people_sign_in_with_the_other_node(town: Node, node: Node, clerk: FeaturedPerson, twin: int, name: str) -> None:
    browser = await travel(town, node, clerk, name)
    assert browser.last is not None
    assert str(browser.last.url).startswith(f"{town.issuer}/mail/{twin}/"), browser.last.text
    assert "Lotfi" in browser.last.text
    (linked,) = await town.services.db.read(links.of_person, twin)
    assert linked[0] == node.issuer
    await travel(town, node, clerk, name)  # known by the link by now


async def test_an_address_is_believed_only_in_the_domains_of_the_settings(town: Node, node: Node, clerk: FeaturedPerson, twin: int) -> None:
    browser = await travel(town, node, clerk, "strict")
    assert browser.last is not None
    assert browser.last.status_code == 403
    assert "Nobody here is known" in browser.last.text


async def test_who_left_does_not_come_back_this_way(town: Node, node: Node, clerk: FeaturedPerson, twin: int) -> None:
    await travel(town, node, clerk, "secret")
    await town.services.db.write(people.close, twin)
    browser = await travel(town, node, clerk, "secret")
    assert browser.last is not None
    assert browser.last.status_code == 403
    await town.services.db.write(people.reopen, twin)


async def test_a_second_factor_here_is_not_passed_over(town: Node, node: Node, clerk: FeaturedPerson, twin: int) -> None:
    factors = "UPDATE person SET factors = :factors WHERE person_id = :id"
    await town.services.db.write(lambda tx: tx.execute(factors, factors=1, id=twin))
    browser = await travel(town, node, clerk, "secret")
    await town.services.db.write(lambda tx: tx.execute(factors, factors=0, id=twin))
    assert browser.last is not None
    assert browser.last.status_code == 403
    assert "second factor" in browser.last.text


async def test_an_answer_that_nobody_asked_for_is_refused(town: Node, node: Node, clerk: FeaturedPerson, twin: int) -> None:
    browser = Travelling(town, node)
    for query in ("code=x&state=y", "code=x", "error=access_denied&state=y"):
        page = await browser.go(f"{town.issuer}/signin/from/secret?{query}&iss={node.issuer}")
        assert page.status_code == 502
        assert "__Host-session" not in browser.client.cookies
    begun = await browser.client.get(f"{town.issuer}/signin/with/secret?next=//evil.example")
    state = httpx.URL(begun.headers["location"]).params["state"]
    for query in (
        f"state={state}&code=x&iss=https://evil.example",
        f"state={state}&code=x",
        f"state={state[:-1]}&code=x&iss={node.issuer}",
    ):
        page = await browser.go(f"{town.issuer}/signin/from/secret?{query}")
        assert page.status_code == 502
    page = await browser.go(f"{town.issuer}/signin/from/keyed?state={state}&code=x&iss={node.issuer}")  # begun with another one
    assert page.status_code == 502
    assert (await browser.go(f"{town.issuer}/signin/with/nobody")).status_code == 404


async def test_a_provider_that_calls_itself_otherwise_is_not_asked(town: Node, node: Node) -> None:
    page = await Travelling(town, node).go(f"{town.issuer}/signin/with/mixed")
    assert page.status_code == 502
