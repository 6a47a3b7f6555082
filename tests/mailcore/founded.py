"""A node of a ministry with a signer, a root, the authority of its ministry and a certificate of its own."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from config import settings
from config.clock import Clock
from mailcore import certify, services
from mailcore.services import Services

HOST = "mx.interieur.gov.example"
AMINA, KARIM, REGISTRY = (f"{name}@interieur.gov.example" for name in ("amina.benali", "karim.khelifi", "bureau.ordre"))
TOML = f"""
[node]
hostname = "{HOST}"
postmaster = "postmaster@interieur.gov.example"
[tls]
certificate = "keys/tls.pem"
key = "keys/tls.key"
[pki]
url = "http://pki.interieur.gov.example"
country = "DZ"
"""


@contextlib.asynccontextmanager
async def founded(directory: Path, clock: Clock) -> AsyncIterator[Services]:
    """Make it and open it; beside it commands may run."""
    for folder in ("data", "keys", "run"):
        (directory / folder).mkdir(mode=0o700)
    (directory / settings.FILE).write_text(TOML)
    async with services.opened(settings.parse(TOML, directory), clock) as made:
        await certify.found(made, "الجذر الوطني", [HOST, "localhost", "127.0.0.1"])
        yield made
