"""Pushed authorization requests: a platform hands its request in behind the browser's back and gets a name for it. RFC 9126."""

import json

from config.clock import MINUTE_US
from config.database import Tx
from directory.oidc import clients
from directory.oidc.authorization import Parameters
from directory.oidc.clients import digest
from directory.oidc.errors import InvalidRequestUri

PREFIX = "urn:ietf:params:oauth:request_uri:"
LIFETIME_US = 10 * MINUTE_US  # RFC 9126 §2.2 suggests 5 to 600 seconds; the person has to sign in meanwhile

_INSERT = """
    INSERT INTO openid_pushed (sha256, client_id, parameters, expires_us) VALUES (:sha256, :client_id, :parameters, :expires_us)
"""
_FIND = "SELECT parameters FROM openid_pushed WHERE sha256 = :sha256 AND client_id = :client_id AND expires_us > :now_us"


def keep(tx: Tx, client_id: str, parameters: Parameters) -> str:
    """Keep a request that was found valid; return the name under which its platform may use it."""
    name = PREFIX + clients.new_secret()
    written = json.dumps({key: list(values) for key, values in parameters.items()})
    tx.execute(_INSERT, sha256=digest(name), client_id=client_id, parameters=written, expires_us=tx.now_us + LIFETIME_US)
    return name


def find(tx: Tx, client_id: str, name: str) -> Parameters:
    """Return the request of a name. Raises InvalidRequestUri unless this platform pushed it lately."""
    written = tx.value(_FIND, sha256=digest(name), client_id=client_id, now_us=tx.now_us)
    if written is None:
        raise InvalidRequestUri(client_id=client_id)
    found: Parameters = json.loads(written)
    return found


def use(tx: Tx, name: str) -> None:
    """Forget a request that was decided on: its name is good once (§4)."""
    tx.execute("DELETE FROM openid_pushed WHERE sha256 = :sha256", sha256=digest(name))
