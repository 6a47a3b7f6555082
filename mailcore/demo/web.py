"""A browser without JavaScript: follows links and posts forms as they stand on the page."""

import html
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from types import TracebackType

import httpx

from mailcore.demo.nodes import Node, Person
from mailcore.demo.steps import Differs, expect

Files = list[tuple[str, tuple[str, bytes, str]]]


@dataclass(slots=True)
class Form:
    """A form: where it goes, the fields that are filled in already, and the choices of its selects (text, value)."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def choice(self, name: str, containing: str) -> str:
        """Return the value of the option whose text contains something."""
        return next(value for text, value in self.choices[name] if containing in text)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []
        self._select = ""
        self._option = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append(Form(given.get("action", "")))
        elif tag == "input" and self.found and given.get("type") not in ("file", "checkbox", "radio", "submit"):
            self.found[-1].fields[given.get("name", "")] = given.get("value", "")
        elif tag == "select" and self.found:
            self._select = given.get("name", "")
        elif tag == "option":
            self._option = given.get("value", "")

    def handle_data(self, data: str) -> None:
        if self._option and self._select and self.found:
            self.found[-1].choices.setdefault(self._select, []).append((data, self._option))

    def handle_endtag(self, tag: str) -> None:
        if tag == "option":
            self._option = ""
        elif tag == "select":
            self._select = ""


class Web:
    """A person in the webmail. A context manager."""

    def __init__(self, node: Node) -> None:
        context = ssl.create_default_context(cafile=str(node.ca))
        self._client = httpx.Client(base_url=f"https://localhost:{node.port('https')}", verify=context, follow_redirects=True, timeout=20)

    def __enter__(self) -> "Web":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._client.close()

    def sign_in(self, person: Person, language: str = "fr") -> str:
        """Sign in and return the page that follows, in this language."""
        self._client.headers["Accept-Language"] = language
        page = self.get("/signin")
        answer = self.submit(page, "/signin", {"login": person.address, "password": person.password})
        expect("/signin" not in answer.url.path, f"{person.address} is not signed in")
        return answer.text

    def compose(self, sender: str) -> tuple[str, str, str]:
        """Return the page to write on: (its path, the page, the number of the mailbox with this address)."""
        path = link(self.get("/"), r"/mail/\d+/compose")
        page = self.get(path)
        return path, page, form(page, path).choice("from", sender)

    def newest(self, account: str) -> str:
        """Return the page of the newest message in an inbox."""
        return self.get(link(self.get(f"/mail/{account}/"), rf"/mail/{account}/\d+/\d+"))

    def get(self, path: str) -> str:
        """Return a page. Raises Differs unless it is there."""
        answer = self._client.get(path)
        expect(answer.status_code == 200, f"{path}: {answer.status_code}")
        return answer.text

    def submit(self, page: str, action: str, fields: Mapping[str, str], files: Files | None = None) -> httpx.Response:
        """Post the form of `page` that goes to `action` with these fields changed."""
        answer = self._client.post(action, data={**form(page, action).fields, **fields}, files=files or None)
        expect(answer.status_code == 200, f"{action}: {answer.status_code}")
        return answer


def form(page: str, action: str) -> Form:
    """Return the form of a page that goes to `action`; a form without one goes to the page itself."""
    parser = _Forms()
    parser.feed(page)
    fitting = [one for one in parser.found if one.action == action] or [one for one in parser.found if not one.action]
    expect(fitting, f"no form to {action}")
    return fitting[-1]


def link(page: str, pattern: str) -> str:
    """Return the first link of a page that matches. Raises Differs when there is none."""
    found = re.search(f'href="({pattern})"', page)
    if found is None:
        raise Differs(f"no link like {pattern} in: {text(page)[:300]}")
    return found[1]


def text(page: str) -> str:
    """Return the visible text of a page in one line."""
    bare = re.sub(r"<[^>]*>", " ", re.sub(r"(?s)<(head|style|script)\b.*?</\1>", " ", page))
    return " ".join(html.unescape(bare).split())
