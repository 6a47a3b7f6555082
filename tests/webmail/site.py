"""A node with a demonstration country, and visitors who use its pages as a browser without JavaScript would."""

import html
import re
from dataclasses import dataclass, field
from typing import Any

import httpx

from directory import resolve
from directory.demo import FeaturedPerson
from mailcore.message import build
from mailcore.message.addresses import Mailbox
from mailcore.services import Services
from mailcore.store import messages
from tests.clocks import ShiftedClock
from webmail.app import build as application

BASE = "https://mx.diwan.example"
INTERIOR, EDUCATION = "bureau.ordre@interieur.gov.example", "bureau.ordre@education.gov.example"
_FIELD = re.compile(r'<(?:input|textarea|button|select)\b[^>]*\bname="([^"]+)"[^>]*>')
_UID = re.compile(r'name="uid" value="(\d+)"')
_CSRF = re.compile(r'name="csrf" value="([0-9a-f]*)"')


@dataclass
class Visitor:
    """A browser: cookies, the last page, and forms that send back the token they were given."""

    client: httpx.AsyncClient
    last: httpx.Response | None = None
    headers: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str) -> httpx.Response:
        """Open a page and follow where it leads."""
        self.last = await self.client.get(path, headers=self.headers, follow_redirects=True)
        return self.last

    async def newest(self, account: int) -> str:
        """Open the inbox of a mailbox; return where its newest letter is read."""
        first = _UID.search((await self.get(f"/mail/{account}/")).text)
        assert first is not None
        return f"{self.path}/{first[1]}"

    async def post(self, path: str, fields: dict[str, Any], files: list[Any] | None = None) -> httpx.Response:
        """Send a form from the last page and follow where it leads."""
        self.last = await self.send(path, {"csrf": self.token(), **fields}, files)
        while self.last.is_redirect:
            self.last = await self.client.get(self.last.headers["location"], headers=self.headers)
        return self.last

    async def send(self, path: str, fields: dict[str, Any], files: list[Any] | None = None) -> httpx.Response:
        """Send a form as it is; the answer is not followed."""
        headers = {"sec-fetch-site": "same-origin", **self.headers}
        return await self.client.post(path, data=fields, files=files or None, headers=headers)

    def token(self) -> str:
        """Return the token of the last page."""
        assert self.last is not None
        found = _CSRF.search(self.last.text)
        return found[1] if found else ""

    def value(self, name: str) -> str:
        """Return what a hidden or text field of the last page holds."""
        assert self.last is not None
        found = re.search(rf'name="{name}" (?:[^>]* )?value="([^"]*)"', self.last.text)
        return html.unescape(found[1]) if found else ""

    @property
    def path(self) -> str:
        """Where the visitor is."""
        assert self.last is not None
        return self.last.url.raw_path.decode()


@dataclass
class Site:
    """One node and who lives there."""

    services: Services
    clock: ShiftedClock
    people: dict[str, FeaturedPerson]

    def visitor(self, language: str = "en") -> Visitor:
        """Return somebody at the door."""
        transport = httpx.ASGITransport(application(self.services), client=("192.0.2.7", 4242))
        client = httpx.AsyncClient(transport=transport, base_url=BASE, headers={"accept-language": language})
        return Visitor(client)

    async def signed_in(self, person: FeaturedPerson, language: str = "en") -> Visitor:
        """Return a person who has signed in and sees the inbox."""
        visitor = self.visitor()
        visitor.client.cookies.set("__Host-language", language, domain="mx.diwan.example")
        await visitor.get("/signin")
        answer = await visitor.post("/signin", {"login": person.address, "password": person.password, "next": "/"})
        assert answer.status_code == 200
        assert visitor.path.startswith("/mail/")
        return visitor

    async def account(self, address: str) -> int:
        """Return the account that an address names."""
        target = await self.services.db.read(resolve.written, address)
        assert target is not None
        return target.account_id

    async def deliver(self, address: str, raw: bytes) -> None:
        """Put a message into somebody's inbox."""
        key = await self.services.store.open_account(await self.account(address))
        prepared = await self.services.store.prepare(raw)
        await self.services.store.keep(prepared)
        await self.services.db.write(messages.deliver, key, prepared, self.clock.now_us())


def letter(**changes: Any) -> bytes:
    """Return a message as it arrives from elsewhere."""
    facts: dict[str, Any] = {
        "sender": Mailbox("Amina", "amina", "ailleurs.example"),
        "to": [Mailbox("", "bureau.ordre", "interieur.gov.example")],
        "subject": "Question",
        "text": "Bonjour",
        "date_us": 1_700_000_000_000_000,
        "message_id": "m1@ailleurs.example",
    }
    return build.message(**(facts | changes))
