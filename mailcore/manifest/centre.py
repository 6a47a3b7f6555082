"""What a following node asks of the centre, over HTTPS: bounded answers, each within a time, with a badge where one is needed."""

import base64
import ssl
from pathlib import Path

import httpx
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from config.errors import MailError
from config.settings import Settings, SettingsError
from directory.manifest import badge, jws, pages
from directory.manifest.document import MAX_DOCUMENT_BYTES, Anchor, Part
from directory.manifest.publish import Line
from mailcore import bounded
from mailcore.bounded import TooLarge

TIMEOUT_S = 60.0  # of one answer; a satellite link gives 64 kbit/s and a second's delay
MAX_PART_BYTES = 32 << 20  # a topology of 100,000 nodes
MAX_PAGE_BYTES = 32 << 20


class CentreSilent(MailError):
    text = "the centre does not answer"
    temporary = True


def read_anchor(path: Path) -> Anchor:
    """Return the anchor in a file. Raises SettingsError."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Anchor)
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}; `diwan directory anchor` of the centre prints one") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not an anchor: {error}") from None


class Centre:
    """The centre that an anchor names."""

    def __init__(self, anchor: Anchor, settings: Settings) -> None:
        self.anchor, self._settings = anchor, settings
        self._private = _private_key(settings.tls.key)
        context = ssl.create_default_context(cadata=anchor.ca)
        self._http = httpx.AsyncClient(base_url=anchor.url, verify=context, timeout=TIMEOUT_S, trust_env=False)

    async def document(self) -> bytes:
        """Return the newest document, unjudged. Raises CentreSilent."""
        return await self._get("/manifest/document", MAX_DOCUMENT_BYTES)

    async def part(self, part: Part) -> bytes:
        """Return a part. Raises CentreSilent."""
        return await self._get(f"/manifest/part/{part.sha256}", MAX_PART_BYTES)

    async def changes(self, since: int, until: int, after: Line | None, now_us: int) -> list[Line]:
        """Return the next page of what changed between two documents. Raises BadManifest, CentreSilent."""
        query = f"since={since}&until={until}" + (f"&serial={after.serial}&uid={_quoted(after.uid)}" if after else "")
        return pages.decode(await self._get(f"/manifest/changes?{query}", MAX_PAGE_BYTES, self._badge(now_us)))

    async def bucket(self, number: int, after: str, now_us: int) -> list[Line]:
        """Return the next page of a bucket. Raises BadManifest, CentreSilent."""
        query = f"?after={_quoted(after)}" if after else ""
        return pages.decode(await self._get(f"/manifest/bucket/{number}{query}", MAX_PAGE_BYTES, self._badge(now_us)))

    async def close(self) -> None:
        """End the connections."""
        await self._http.aclose()

    def _badge(self, now_us: int) -> str:
        public = self._private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        octets = badge.to_sign(self._settings.node.hostname, self.anchor.nation, public, now_us)
        return jws.signed(octets, self._private.sign(octets, ec.ECDSA(SHA256()))).decode("ascii")

    async def _get(self, path: str, max_bytes: int, bearer: str = "") -> bytes:
        try:
            answer = await bounded.ask(self._http, path, max_bytes, headers={"authorization": f"Bearer {bearer}"} if bearer else {})
        except TooLarge as error:
            raise CentreSilent(f"the centre's answer to {path} is larger than {max_bytes} octets") from error
        except httpx.HTTPError as error:
            raise CentreSilent(f"no answer from {self.anchor.url}: {error or type(error).__name__}") from error
        if answer.status != httpx.codes.OK:
            said = answer.octets[:200].decode("utf-8", "replace").strip()
            raise CentreSilent(f"{self.anchor.url}{path} answers {answer.status}: {said}")
        return answer.octets


def _private_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise SettingsError(f"{path}: a node that follows a manifest needs a TLS key of P-256")
    return key


def _quoted(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode("ascii")
