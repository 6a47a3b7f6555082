"""Another provider as this node reaches it: its metadata, its keys, its token endpoint. Authlib's client speaks for us."""

import secrets
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client

from config.clock import HOUR_US, SECOND_US
from config.sources import IdentityProvider
from directory.oidc import client_auth, jose, relying
from directory.oidc.errors import InvalidToken, ProviderFailed
from directory.oidc.relying import Claimed, Pending
from mailcore.services import Services
from webmail.oidc.outgoing import TIMEOUT_S, trust

KEEP_US = HOUR_US  # of metadata and keys
MAX_ANSWER_BYTES = 262_144
ASSERTION_S = 60
KINDS = ("", "jwt")
WELL_KNOWN = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class _Known:
    """What a provider publishes, and until when we take it for true."""

    published: dict[str, Any]
    keys: jose.KeySet
    until_us: int


class Upstream:
    """One provider of the settings. Remembers what it publishes for an hour."""

    def __init__(self, services: Services, told: IdentityProvider) -> None:
        self.services, self.told = services, told
        self._known: _Known | None = None

    @property
    def back(self) -> str:
        """Where it sends people back to: what has to be registered there."""
        return f"{self.services.settings.issuer}/signin/from/{self.told.name}"

    @cached_property
    def _secret(self) -> str | None:
        return self.told.secret.read_text("utf-8").strip() if self.told.secret is not None else None

    async def begin(self, then: str) -> tuple[str, Pending]:
        """Return where to send a browser, and what its answer must match. Raises ProviderFailed."""
        published = (await self._published()).published
        state, nonce, verifier = (secrets.token_urlsafe(octets) for octets in (32, 32, 48))
        pending = Pending(self.told.name, state, nonce, verifier, then, self._now_us())
        async with self._client() as client:
            url, _ = client.create_authorization_url(
                published["authorization_endpoint"], state=pending.state, code_verifier=pending.verifier, nonce=pending.nonce
            )
        return str(url), pending

    async def finish(self, query: dict[str, str], pending: Pending) -> Claimed:
        """Return whom the provider vouches for. Raises ProviderFailed."""
        known = await self._published()
        code = relying.code(query, pending, self.told.name, known.published, self._now_us())
        token = await self._exchange(known.published["token_endpoint"], code, pending.verifier)
        try:
            said = jose.read(str(token.get("id_token", "")), known.keys, KINDS, jose.FOREIGN)
        except InvalidToken as error:
            self._known = None  # its keys may have changed: the next try asks for them again
            raise ProviderFailed(reason="id_token") from error
        return relying.claimed(said, self.told.issuer, self.told.client_id, pending.nonce, self._now_us())

    async def _exchange(self, endpoint: str, code: str, verifier: str) -> dict[str, Any]:
        proof = {} if self._secret is not None else await self._proof(endpoint)
        try:
            async with self._client() as client:
                token = await client.fetch_token(endpoint, code=code, code_verifier=verifier, grant_type="authorization_code", **proof)
        except (OAuthError, OSError, ValueError, RuntimeError) as error:
            raise ProviderFailed(reason=type(error).__name__) from error
        return dict(token)

    async def _proof(self, endpoint: str) -> dict[str, str]:
        """Return an assertion of ours, signed by the node (RFC 7523 §2.2)."""
        now_s = self._now_us() // SECOND_US
        names = {"iss": self.told.client_id, "sub": self.told.client_id, "aud": endpoint, "jti": secrets.token_urlsafe(16)}
        assertion = await self.services.openid.keys.sign({**names, "iat": now_s, "exp": now_s + ASSERTION_S}, "JWT")
        return {"client_assertion_type": client_auth.ASSERTION_TYPE, "client_assertion": assertion}

    async def _published(self) -> _Known:
        if self._known is None or self._known.until_us < self._now_us():
            published = relying.metadata(await self._fetch(self.told.issuer + WELL_KNOWN), self.told.issuer)
            try:
                keys = jose.foreign_key_set(await self._fetch(published["jwks_uri"]))
            except InvalidToken as error:
                raise ProviderFailed(reason="keys") from error
            self._known = _Known(published, keys, self._now_us() + KEEP_US)
        return self._known

    async def _fetch(self, url: str) -> Any:
        """Return what a provider publishes as JSON, of bounded size."""
        found = bytearray()
        try:
            async with self._client() as client, client.stream("GET", url, withhold_token=True) as answer:
                async for piece in answer.aiter_bytes():
                    found += piece
                    if len(found) > MAX_ANSWER_BYTES:
                        raise ProviderFailed(reason="size", url=url)
            if answer.status_code != 200:
                raise ProviderFailed(reason=answer.status_code, url=url)
            return msgspec.json.decode(bytes(found))
        except (OSError, ValueError, RuntimeError) as error:
            raise ProviderFailed(reason=type(error).__name__, url=url) from error

    def _client(self) -> Any:
        return AsyncOAuth2Client(
            self.told.client_id,
            self._secret,
            token_endpoint_auth_method="client_secret_basic" if self._secret is not None else "none",
            scope=" ".join(self.told.scopes),
            redirect_uri=self.back,
            code_challenge_method="S256",
            verify=trust(self.services.roots, self.told.ca),
            timeout=TIMEOUT_S,
            trust_env=False,
        )

    def _now_us(self) -> int:
        return self.services.clock.now_us()
