"""rspamd: a message goes to its worker for scans, and it says what it would do.

Its protocol: POST /checkv2 with the envelope in header fields, the answer is JSON with an action.
"""

from collections.abc import AsyncIterator, Iterable
from typing import Literal

import httpx
import msgspec

from mailcore import bounded
from mailcore.checks.canonical import pieces
from mailcore.checks.types import Arrival, Scan

AT_ONCE = 16  # connections of the pool
MAX_ANSWER = 1 << 20  # octets of its answer
MAX_NAME = 80
MAX_RECIPIENTS = 50  # that it is told of

Asked = Literal["nothing", "junk", "reject", "defer"]
ACTIONS: dict[str, Asked] = {
    "no action": "nothing",
    "greylist": "nothing",  # a score; rspamd's own greylisting says "soft reject"
    "add header": "junk",
    "rewrite subject": "junk",
    "quarantine": "junk",
    "soft reject": "defer",
    "reject": "reject",
}


class Answer(msgspec.Struct):
    """What we read of its answer."""

    action: str
    score: float = 0.0


class Rspamd:
    """A worker at a base address."""

    def __init__(self, url: str, timeout_s: float) -> None:
        limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
        self._client = httpx.AsyncClient(base_url=url, timeout=timeout_s, limits=limits, trust_env=False)

    async def scan(self, arrival: Arrival, host: str = "") -> Scan:
        """Return what it would do. Whatever goes wrong is "down": nobody looked at the message. `host` is the peer's name, "" without."""
        try:
            headers, end = _headers(arrival, host), {"trace": bounded.closing()}  # whoever receives has a deadline
            async with self._client.stream("POST", "/checkv2", headers=headers, content=_stream(arrival), extensions=end) as response:
                said = b""
                async for piece in response.aiter_bytes():
                    said += piece
                    if len(said) > MAX_ANSWER:
                        return Scan("rspamd", "down", "answer too long")
            if response.status_code != httpx.codes.OK:
                return Scan("rspamd", "down", f"status {response.status_code}")
            answer = msgspec.json.decode(said, type=Answer)
        except (httpx.HTTPError, OSError, msgspec.MsgspecError) as error:
            return Scan("rspamd", "down", str(error)[:MAX_NAME] or type(error).__name__)
        return Scan("rspamd", ACTIONS.get(answer.action, "nothing"), answer.action[:MAX_NAME], answer.score)

    async def version(self) -> str:
        """Return what it says of itself. Raises httpx.HTTPError."""
        response = await self._client.get("/ping")
        response.raise_for_status()
        return str(response.headers.get("server", "rspamd"))[:MAX_NAME]

    async def aclose(self) -> None:
        """Close its connections."""
        await self._client.aclose()


def _headers(arrival: Arrival, host: str) -> list[tuple[bytes, bytes]]:
    """Tell the envelope. Everything was checked by the grammar of SMTP; a control octet ends nothing here all the same."""
    told = [
        ("Content-Length", str(len(arrival.raw))),
        ("From", arrival.sender),
        ("Ip", arrival.peer),
        ("Hostname", host),
        ("Helo", arrival.hello),
        ("Queue-Id", arrival.queue_hint),
        ("MTA-Name", arrival.authserv_id),
        *(("Rcpt", recipient) for recipient in arrival.recipients[:MAX_RECIPIENTS]),
    ]
    return [(name.encode("ascii"), _clean(value)) for name, value in told if value]


def _clean(value: str) -> bytes:
    return "".join(character for character in value if character.isprintable()).encode("utf-8")


async def _stream(arrival: Arrival) -> AsyncIterator[bytes]:
    octets: Iterable[bytes] = pieces(arrival.raw, 0)
    for piece in octets:
        yield piece
