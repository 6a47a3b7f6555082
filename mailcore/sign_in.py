"""What sign-in needs to know of a node: the directory's own key, and what passkeys are bound to."""

import contextlib
import secrets
from urllib.parse import urlsplit

from config.settings import Settings
from directory.signin import Site
from signing.vault import write_new

DIRECTORY = "directory.key"  # below the keys directory: seals second factors and the like; made when it is missing
DIRECTORY_BYTES = 32


def site(settings: Settings) -> Site:
    """Return what passkeys are bound to: where people open the pages, as a browser says it (RFC 6454 §4)."""
    address = urlsplit(settings.issuer.lower())
    return Site(address.hostname or "", "Diwan", (f"https://{address.netloc}",))


def directory_key(settings: Settings) -> bytes:
    """Return the directory's key, made when it is missing."""
    path = settings.keys / DIRECTORY
    if not path.exists():
        with contextlib.suppress(FileExistsError):  # another role of this node was quicker
            write_new(path, secrets.token_bytes(DIRECTORY_BYTES))
    return path.read_bytes()
