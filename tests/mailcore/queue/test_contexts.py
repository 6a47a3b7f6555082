"""Certificates that are renewed while the node runs, shown in real handshakes."""

import contextlib
import os
import shutil
import ssl

import msgspec
import pytest

from config.settings import Tls
from mailcore.queue.connecting import Contexts
from mailcore.queue.route import Hop
from tests.mailcore.queue import node


def shown(client: ssl.SSLContext, server: ssl.SSLContext) -> bytes | None:
    """The certificate that a client shows to a server that asks."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    theirs = client.wrap_bio(to_client, to_server, server_hostname="localhost")
    ours = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(5):
        for each in (theirs, ours):
            with contextlib.suppress(ssl.SSLWantReadError):
                each.do_handshake()
    return ours.getpeercert(True)


def put(source, target, at_ns):
    """Replace a file as renewals do, by another one under its name."""
    shutil.copyfile(source, aside := target.with_suffix(".new"))
    os.utime(aside, ns=(at_ns, at_ns))
    os.replace(aside, target)


@pytest.fixture
def contexts(tmp_path, authority):
    tls = Tls(tmp_path / "tls.pem", tmp_path / "tls.key")
    for each in (tls.certificate, tls.key):
        put(authority.ca.with_name("localhost.pem"), each, 1)
    return Contexts(msgspec.structs.replace(node.settings(tmp_path), tls=tls), {})


@pytest.fixture
def server(authority):
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.ca))
    made.load_cert_chain(authority.ca.with_name("localhost.pem"))
    made.verify_mode = ssl.CERT_REQUIRED
    return made


async def test_a_renewed_certificate_is_shown_without_a_restart(contexts, server, authority):
    hop = Hop("localhost", "127.0.0.1", 25, verify=True, ca=authority.ca, node="node")
    before = shown(first := await contexts.get(hop, "verified"), server)
    assert await contexts.get(hop, "verified") is first
    tls, renewed = contexts.settings.tls, authority.ca.with_name("elsewhere.example.pem")
    put(renewed, tls.certificate, 2)
    assert await contexts.get(hop, "verified") is first  # its key is not there yet: they do not fit
    put(renewed, tls.key, 2)
    after = shown(await contexts.get(hop, "verified"), server)
    assert before != after == ssl.PEM_cert_to_DER_cert(_certificate(renewed.read_text()))


async def test_renewed_roots_are_trusted_without_a_restart(contexts, tmp_path, authority):
    put(authority.ca, roots := tmp_path / "roots.pem", 1)
    hop = Hop("localhost", "127.0.0.1", 25, verify=True, ca=roots)
    first = await contexts.get(hop, "verified")
    put(contexts.settings.tls.certificate, tmp_path / "unrelated.pem", 5)
    assert await contexts.get(hop, "verified") is first
    put(authority.ca, roots, 2)
    assert await contexts.get(hop, "verified") is not first


async def test_who_is_no_node_is_shown_nothing_and_keeps_its_context(contexts, authority):
    hop = Hop("localhost", "127.0.0.1", 25, verify=True, ca=authority.ca)
    first = await contexts.get(hop, "verified")
    put(authority.ca.with_name("elsewhere.example.pem"), contexts.settings.tls.certificate, 2)
    assert await contexts.get(hop, "verified") is first


def _certificate(pem: str) -> str:
    return pem[pem.index("-----BEGIN CERTIFICATE") :]
