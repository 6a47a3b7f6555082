"""The running server with its provider, browsers that keep cookies, and platforms that use Authlib's client."""

import dataclasses
import html
import json
import re
import secrets
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
import pytest_asyncio
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwk, jwt

from bench.wire import free_port
from directory.demo import FeaturedPerson
from directory.oidc import clients
from directory.oidc.types import CODE_GRANT, DEVICE_GRANT, REFRESH_GRANT, Registration
from mailcore.services import Services
from tests.webmail.site import Site
from webmail.app import web
from webmail.oidc.outgoing import trust

BACK = "https://dossiers.sante.example/back"
BYE = "https://dossiers.sante.example/bye"
SCOPES = ("openid", "profile", "email", "organisation", "posts", "offline_access", "imap")
_CSRF = re.compile(r'name="csrf" value="([0-9a-f]*)"')
_REQUEST = re.compile(r'name="request" value="([^"]*)"')
_REFRESH = re.compile(r'http-equiv="refresh" content="0;url=([^"]*)"')


@dataclass
class Browser:
    """A browser: it keeps cookies, says where it comes from, and stops at the first address outside this node."""

    client: httpx.AsyncClient
    last: httpx.Response | None = None
    left: str = ""

    async def open(self, address: str, site: str = "cross-site") -> httpx.Response | None:
        """Open an address and follow it; None when it leads away, to `left`."""
        return await self._follow(await self.client.get(address, headers={"sec-fetch-site": site}), site)

    async def send(self, path: str, **fields: str) -> httpx.Response | None:
        """Send the form of the last page."""
        assert self.last is not None
        found = _CSRF.search(self.last.text)
        held = _REQUEST.search(self.last.text)
        form = {"csrf": found[1] if found else ""} | ({"request": html.unescape(held[1])} if held else {}) | fields
        answer = await self.client.post(path, data=form, headers={"sec-fetch-site": "same-origin"})
        return await self._follow(answer, "same-origin")

    async def sign_in(self, person: FeaturedPerson) -> httpx.Response | None:
        assert self.last is not None
        then = re.search(r'name="next" value="([^"]*)"', self.last.text)
        fields = {"login": person.address, "password": person.password, "next": html.unescape(then[1]) if then else "/"}
        return await self.send("/signin", **fields)

    @property
    def answer(self) -> dict[str, str]:
        """What the platform is told in the address that the browser leaves for."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.left).query).items()}

    async def _follow(self, answer: httpx.Response, site: str) -> httpx.Response | None:
        self.left = ""
        while True:
            onward = answer.headers.get("location") or next((html.unescape(found) for found in _REFRESH.findall(answer.text)), "")
            if not onward:
                self.last = answer
                return answer
            target = self.client.base_url.join(onward)
            if target.host != self.client.base_url.host or target.port != self.client.base_url.port:
                self.left = onward
                return None
            answer = await self.client.get(target, headers={"sec-fetch-site": site})


@dataclass
class Node:
    """A node that serves."""

    services: Services
    people: dict[str, FeaturedPerson]
    opened: list[Any] = field(default_factory=list)

    @property
    def issuer(self) -> str:
        return self.services.settings.issuer

    @property
    def trust(self) -> ssl.SSLContext:
        return trust(self.services.roots)

    def browser(self, language: str = "en") -> Browser:
        client = httpx.AsyncClient(base_url=self.issuer, verify=self.trust, cookies={"__Host-language": language})
        self.opened.append(client)
        return Browser(client)

    async def register(self, *, approved: bool = True, secret: str = "", **changes: Any) -> str:
        """Register a platform; return its name."""
        organisation = await self.services.db.read(lambda tx: tx.value("SELECT organisation_id FROM organisation WHERE code = 'interieur'"))
        common: dict[str, Any] = {
            "organisation_id": organisation,
            "name_ar": "الملفات",
            "name_fr": "Dossiers",
            "auth": "client_secret_basic",
            "grant_types": (CODE_GRANT, REFRESH_GRANT, DEVICE_GRANT),
            "scopes": SCOPES,
            "redirect_uris": (BACK,),
            "post_logout_redirect_uris": (BYE,),
        }
        client = await self.services.db.write(clients.register, Registration(**(common | changes)))
        if approved:
            await self.services.db.write(clients.approve, client.client_id)
        if secret:
            await self.services.db.write(clients.rotate, client.client_id, clients.digest(secret))
        return client.client_id


@dataclass
class Platform:
    """A platform that lets Authlib do its part."""

    node: Node
    client_id: str
    oauth: AsyncOAuth2Client
    metadata: dict[str, Any]
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    state: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    def address(self, **changes: str) -> str:
        """Return where the browser is sent."""
        url, _ = self.oauth.create_authorization_url(
            self.metadata["authorization_endpoint"], state=self.state, code_verifier=self.verifier, nonce="n1", **changes
        )
        return str(url)

    async def fetch(self, location: str) -> dict[str, Any]:
        """Exchange the code of the address that the browser came back with."""
        endpoint = self.metadata["token_endpoint"]
        token = await self.oauth.fetch_token(endpoint, authorization_response=location, state=self.state, code_verifier=self.verifier)
        return dict(token)

    async def read(self, token: str) -> dict[str, Any]:
        """Return the claims of a token, checked with the published keys."""
        answer = await self.oauth.request("GET", self.metadata["jwks_uri"], withhold_token=True)
        return jwt.decode(token, jwk.KeySet.import_key_set(answer.json()), algorithms=["ES256"]).claims


async def platform(node: Node, *, key: bool = False, **changes: Any) -> Platform:
    """Return an approved platform with a secret, or with a key."""
    async with httpx.AsyncClient(verify=node.trust) as plain:
        metadata = (await plain.get(f"{node.issuer}/.well-known/openid-configuration")).json()
    secret, facts = secrets.token_urlsafe(32), dict(changes)
    private = jwk.ECKey.generate_key("P-256")
    if key:
        facts |= {"auth": "private_key_jwt", "jwks": json.dumps(jwk.KeySet([private]).as_dict(private=False))}
    client_id = await node.register(secret="" if key or "auth" in facts else secret, **facts)
    oauth = AsyncOAuth2Client(
        client_id,
        private if key else None if "auth" in facts else secret,
        scope="openid profile email",
        redirect_uri=BACK,
        code_challenge_method="S256",
        token_endpoint_auth_method="private_key_jwt" if key else "none" if "auth" in facts else "client_secret_basic",
        revocation_endpoint_auth_method="private_key_jwt" if key else "client_secret_basic",
        verify=node.trust,
    )
    node.opened.append(oauth)
    if key:
        oauth.register_client_auth_method(PrivateKeyJWT(metadata["token_endpoint"], alg="ES256"))
    return Platform(node, client_id, oauth, metadata)


def served(services: Services, host: str = "127.0.0.1") -> Services:
    """Return a node's parts with the webmail on a free port, and an issuer under that address: cookies know hosts, not ports."""
    port = free_port()
    settings = services.settings
    settings = msgspec.structs.replace(
        settings,
        listen=msgspec.structs.replace(settings.listen, https=f"127.0.0.1:{port}"),
        openid=msgspec.structs.replace(settings.openid, issuer=f"https://{host}:{port}"),
    )
    openid = dataclasses.replace(services.openid, issuer=settings.issuer)
    return dataclasses.replace(services, settings=settings, openid=openid)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def node(site: Site) -> AsyncIterator[Node]:
    """The node, served."""
    services = served(site.services)
    async with web(services):
        yield Node(services, site.people)


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def _closed(node: Node) -> AsyncIterator[None]:
    """Close what a test opened."""
    yield
    while node.opened:
        await node.opened.pop().aclose()
