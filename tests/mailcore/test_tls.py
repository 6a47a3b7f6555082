"""A certificate that is renewed under a listener that goes on."""

import asyncio
import contextlib
import dataclasses
import hashlib
import os
import shutil
import ssl

import msgspec
import pytest

from config.settings import Tls
from mailcore.tls import Listening
from tests import servers
from tests.mailcore.queue.conftest import authority, opener, services  # noqa: F401  (fixtures)


@pytest.fixture
def database_url():
    """No row is the matter here: one engine is enough."""
    return "sqlite"


def put(source, target, at_ns):
    """Replace a file as renewals do, by another one under its name."""
    shutil.copyfile(source, aside := target.with_suffix(".new"))
    os.utime(aside, ns=(at_ns, at_ns))
    os.replace(aside, target)


@contextlib.asynccontextmanager
async def listener(listening: Listening):
    """Listens with TLS from the start; what each connection offers comes out of the queue."""
    offered: asyncio.Queue = asyncio.Queue()

    async def serve(reader, writer):
        offered.put_nowait(listening.channel(writer.get_extra_info("ssl_object")))
        await reader.read()

    async with servers.serving(serve, ssl=listening.context) as port:
        yield port, offered


async def visit(port, name, root, version):
    """Connect, trusting only a certificate for a name; return it."""
    context = ssl.create_default_context(cafile=str(root))
    context.maximum_version = version
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
    der = writer.get_extra_info("ssl_object").getpeercert(True)
    writer.close()
    await writer.wait_closed()
    return der


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_connections_that_begin_after_a_renewal_get_the_new_certificate(services, authority, tmp_path, version):  # noqa: F811
    tls = Tls(tmp_path / "tls.pem", tmp_path / "tls.key")
    for each in (tls.certificate, tls.key):
        put(authority.ca.with_name("localhost.pem"), each, 1)
    listening = Listening(dataclasses.replace(services, settings=msgspec.structs.replace(services.settings, tls=tls)))
    async with listener(listening) as (port, offered):
        old = await visit(port, "localhost", authority.ca, version)
        assert _bound(await offered.get(), old)
        renewed = authority.ca.with_name("elsewhere.example.pem")
        put(renewed, tls.certificate, 2)  # its key is not there yet
        assert await visit(port, "localhost", authority.ca, version) == old
        assert _bound(await offered.get(), old)
        put(renewed, tls.key, 2)
        new = await visit(port, "elsewhere.example", authority.ca, version)  # the first one already: the old one may have expired
        assert new != old
        assert _bound(await offered.get(), new)


def _bound(channel, der):
    """Whether a connection offers its own kind of binding, and that to the certificate which the client saw."""
    kinds = {each.kind: each.data for each in channel.bindings}
    return len(kinds) == 2 and kinds["tls-server-end-point"] == hashlib.sha256(der).digest()
