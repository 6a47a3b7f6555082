"""Questions over HTTP whose answers are read as they come, never unpacked, and no further than they may go. RFC 9110.

Whoever answers may be anybody: an authority, a witness, the domain of a correspondent.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx


class TooLarge(ValueError):
    """An answer that is larger than it may be."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, media type in lower case without its parameters, and octets; of what is no success perhaps only the first ones."""

    status: int
    kind: str
    octets: bytes


async def ask(
    http: httpx.AsyncClient,
    url: str,
    most_bytes: int,
    *,
    content: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    host: str = "",
) -> Answer:
    """Return the answer to a GET, or to a POST of `content`. Raises TooLarge, httpx.HTTPError, httpx.InvalidURL.

    `host` is the name of whoever has to answer where `url` has an address in its place.
    """
    named = {"host": host} if host else {}
    sent = {"accept-encoding": "identity", **named, **(headers or {})}
    octets = bytearray()
    method = "GET" if content is None else "POST"
    extensions = {"trace": closing(), **({"sni_hostname": host} if host else {})}
    async with http.stream(method, url, content=content, headers=sent, extensions=extensions) as answer:
        async for piece in answer.aiter_raw():
            octets += piece
            if len(octets) > most_bytes:
                if answer.is_success:
                    raise TooLarge(f"{url} answers with more than {most_bytes} octets")
                break
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    return Answer(answer.status_code, kind, bytes(octets[:most_bytes]))


def closing() -> Callable[[str, Mapping[str, Any]], Awaitable[None]]:
    """Return the extension `trace` of a question: httpcore leaves a connection open that is cancelled inside its TLS handshake."""
    opened: list[Any] = []

    async def told(step: str, facts: Mapping[str, Any]) -> None:
        if step == "connection.connect_tcp.complete":
            opened.append(facts["return_value"])
        elif step == "connection.start_tls.failed":
            await opened.pop().aclose()

    return told
