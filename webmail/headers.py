"""What every answer says to the browser about safety, as tables.

The policy names our own files by path, so that nothing a user stores here can ever run as a script: no inline code, no
nonce (a page answered from the cache would carry an old one). CSP Level 3, Trusted Types.
"""

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

STATIC = "/s/"
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(?::\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::\d{1,5})?")

_PAGE = (
    "default-src 'none'; script-src https://{host}/s/; style-src https://{host}/s/; img-src https://{host}/s/; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'{leads}; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
# The body of a message: no script, no request, no form, an origin of its own. Links open beside, outside the sandbox.
BODY_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)
DOWNLOAD_POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'"

ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "strict-transport-security": "max-age=31536000",
    "x-dns-prefetch-control": "off",
}
DEFAULTS = {"cache-control": "no-store", "x-frame-options": "DENY"}


class SafeHeaders:
    """Middleware: add the headers to every answer; a view may set its own policy and caching."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        host = Headers(scope=scope).get("host", "")
        policy = page_policy(host)

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(ALWAYS)
                headers.setdefault("content-security-policy", policy)
                for name, value in DEFAULTS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, add)


def page_policy(host: str, leads_to: str = "") -> str:
    """Return the policy of a page. `leads_to` is a source that its form may lead to in the end, beside our own pages.

    Browsers hold the addresses that a posted form is redirected to against `form-action` as well.
    """
    return _PAGE.format(host=host if _HOST.fullmatch(host) else "invalid.invalid", leads=f" {leads_to}" if leads_to else "")
