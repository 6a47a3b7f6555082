"""The application as a whole: what every answer carries, who gets in, and that the role listens and stops."""

import dataclasses
import re
import shutil
import socket
import ssl
from pathlib import Path

import httpx
import msgspec
import pytest

from bench.wire import free_port
from config.settings import Tls
from mailcore.services import Services
from tests.mailcore.certificates import certified
from tests.webmail.site import Site, Visitor
from webmail.app import ROUTES, web
from webmail.faces import autoconfig, carddav, manifest, openpgp, scim
from webmail.oidc import routes as openid

pytestmark = pytest.mark.asyncio(loop_scope="session")

PUBLIC = {"/signin", "/signin/second", "/signin/passkey", "/signin/challenge", "/language", "/s/{digest}/{name}"}
PAGES = {"/device", "/oauth/consent", "/oauth/leave"}
FACES = (openid, autoconfig, manifest, carddav, scim, openpgp)  # for platforms and programs, with doors of their own
MACHINES = {route.path for face in FACES for route in face.ROUTES} - PAGES


@pytest.mark.parametrize("path", ["/signin", "/nowhere", "/mail/1/2", "/signout"])
async def test_every_answer_is_guarded(site: Site, path: str) -> None:
    answer = await site.visitor().client.get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "script-src https://mx.diwan.example/s/;" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["strict-transport-security"].startswith("max-age=")


async def test_a_strange_host_does_not_reach_the_policy(site: Site) -> None:
    answer = await site.visitor().client.get("/signin", headers={"host": "evil.example; script-src *"})
    assert "script-src https://invalid.invalid/s/;" in answer.headers["content-security-policy"]


async def test_no_page_has_inline_script_or_style(visitor: Visitor) -> None:
    for path in ("/", "/mail/1/", "/signin"):
        text = (await visitor.get(path)).text
        assert "<style" not in text
        assert " style=" not in text
        assert " onclick" not in text
        assert text.count("<script") == text.count('<script type="module" src="/s/')


async def test_nothing_of_the_mail_is_shown_to_strangers(site: Site) -> None:
    client = site.visitor().client
    for route in ROUTES:
        if route.path in PUBLIC | MACHINES:
            continue
        path = re.sub(r"\{path\}|\{\w+:number\}", "1", route.path)
        answer = await client.request(next(iter(route.methods - {"HEAD"})), path)
        assert answer.status_code == 303, path
        assert answer.headers["location"].startswith("/signin")


async def test_static_files_are_kept_and_unknown_ones_refused(visitor: Visitor) -> None:
    page = (await visitor.get("/")).text
    style = page.partition('stylesheet" href="')[2].partition('"')[0]
    answer = await visitor.get(style)
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert "immutable" in answer.headers["cache-control"]
    assert (await visitor.get("/s/000000000000/diwan.css")).status_code == 404
    assert (await visitor.get("/s/../app.py")).status_code == 404


async def test_an_oversize_request_is_explained(site: Site, visitor: Visitor) -> None:
    headers = {"content-length": "999999999", "content-type": "application/x-www-form-urlencoded"}
    answer = await visitor.client.post("/mail/1/compose", headers=headers, content=b"x")
    assert answer.status_code == 413
    assert "attach less" in answer.text


@pytest.mark.parametrize("path", ["/{n}/", "/1/{n}", "/1/1/{n}", "/1/1/{n}/raw", "/1/1/{n}/part/1", "/sign/{n}"])
@pytest.mark.parametrize("digits", [18, 19, 25, 5000])
async def test_numbers_that_no_database_holds_name_no_page(visitor: Visitor, path: str, digits: int) -> None:
    answer = await visitor.client.get("/mail" + path.format(n="9" * digits), follow_redirects=True)
    assert answer.status_code == 404


async def test_a_large_form_of_a_stranger_is_not_read(site: Site) -> None:
    answer = await site.visitor().client.post("/signin", data={"login": "x" * 9_000_000})
    assert answer.status_code == 413


async def test_the_role_serves_https_and_stops(site: Site) -> None:
    port = free_port()
    listen = msgspec.structs.replace(site.services.settings.listen, https=f"127.0.0.1:{port}")
    services: Services = moved(site.services, listen)
    trust = ssl.create_default_context(cafile=str(site.services.settings.keys / "root.pem"))
    async with web(services), httpx.AsyncClient(verify=trust) as client:
        answer = await client.get(f"https://localhost:{port}/signin")
        assert answer.status_code == 200
        assert f"https://localhost:{port}/s/" in answer.headers["content-security-policy"]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 1)


async def test_the_role_shows_a_renewed_certificate_without_a_restart(site: Site, tmp_path: Path) -> None:
    port, old = free_port(), site.services.settings.tls
    tls = Tls(tmp_path / "tls.pem", tmp_path / "tls.key")
    shutil.copyfile(old.certificate, tls.certificate)
    shutil.copyfile(old.key, tls.key)
    services = moved(site.services, msgspec.structs.replace(site.services.settings.listen, https=f"127.0.0.1:{port}"))
    services = dataclasses.replace(services, settings=msgspec.structs.replace(services.settings, tls=tls))

    async def answers(root: Path) -> int:
        async with httpx.AsyncClient(verify=ssl.create_default_context(cafile=str(root))) as client:
            return (await client.get(f"https://localhost:{port}/signin")).status_code

    async with web(services):
        assert await answers(site.services.settings.keys / "root.pem") == 200
        (tmp_path / "new").mkdir()
        renewed = certified(tmp_path / "new")
        renewed.certificate.replace(tls.certificate)
        renewed.key.replace(tls.key)
        assert await answers(tls.certificate) == 200
        with pytest.raises(httpx.ConnectError):
            await answers(site.services.settings.keys / "root.pem")


def moved(services: Services, listen: msgspec.Struct) -> Services:
    """Return the same node with other listeners."""
    return dataclasses.replace(services, settings=msgspec.structs.replace(services.settings, listen=listen))
