"""Each way to sign in, on 587 behind STARTTLS and on 465. RFC 4954, RFC 7677, RFC 7628, RFC 4422 (EXTERNAL)."""

import base64
from typing import Any, cast

import pytest

from directory.signin import Exchange
from directory.types import Identity
from mailcore.bindings import end_point
from tests.directory.signin import scram_client
from tests.mailcore.smtp.node import AMINA, KARIM, LETTER, Client
from tests.mailcore.test_sign_in import PASSWORD, TOKEN, Node, node, state

__all__ = ["node", "state"]


class Wire:
    """An exchange as `scram_client` knows it, spoken over SMTP."""

    def __init__(self, client: Client, mechanism: str) -> None:
        self._client, self._mechanism = client, mechanism

    async def respond(self, response: bytes | None) -> bytes | Identity:
        """Send what answers the last challenge; return the next one, or an identity when there is none."""
        line = f"AUTH {self._mechanism}" if response is None else base64.b64encode(response).decode()
        said = await self._client.ask(line)
        if said.startswith("235 "):
            return object.__new__(Identity)
        assert said.startswith("334 "), said
        return base64.b64decode(said[4:])


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


async def plain(client: Client, node: Node) -> None:
    assert (await client.ask("AUTH PLAIN " + encoded(f"\0{AMINA}\0{PASSWORD}"))).startswith("235 2.7.0")


async def scram(client: Client, node: Node) -> None:
    await scram_client.sign_in(cast(Exchange, Wire(client, "SCRAM-SHA-256")), AMINA, PASSWORD)


async def scram_plus(client: Client, node: Node) -> None:
    channel = end_point(node.certificate)
    assert channel is not None
    exchange = cast(Exchange, Wire(client, "SCRAM-SHA-256-PLUS"))
    await scram_client.sign_in(exchange, AMINA, PASSWORD, flag="p=tls-server-end-point", channel=channel.data)


async def bearer(client: Client, node: Node) -> None:
    said = encoded(f"n,a={AMINA},\x01auth=Bearer {TOKEN}\x01\x01")
    assert (await client.ask(f"AUTH OAUTHBEARER {said}")).startswith("235 2.7.0")


async def external(client: Client, node: Node) -> None:
    assert (await client.ask("AUTH EXTERNAL =")).startswith("235 2.7.0")


WAYS = [("PLAIN", plain), ("SCRAM-SHA-256", scram), ("SCRAM-SHA-256-PLUS", scram_plus), ("OAUTHBEARER", bearer), ("EXTERNAL", external)]


@pytest.mark.parametrize("start_tls", [False, True], ids=["465", "587"])
@pytest.mark.parametrize(("mechanism", "way"), WAYS, ids=[name for name, _ in WAYS])
async def test_each_mechanism_signs_in_on_both_ports(node: Node, mechanism: str, way: Any, start_tls: bool) -> None:
    card = node.state.amina if mechanism == "EXTERNAL" else None
    async with node.smtp(card, start_tls=start_tls) as (client, said):
        assert mechanism in said.partition("AUTH ")[2].split("\n")[0].split()
        assert (await client.ask(f"MAIL FROM:<{AMINA}>")).startswith("530 5.7.0")
        await way(client, node)
        for line in (f"MAIL FROM:<{AMINA}>", f"RCPT TO:<{KARIM}>"):
            assert (await client.ask(line)).startswith("250")
        await client.ask("DATA")
        await client.send(LETTER + b".\r\n")
        assert (await client.reply()).startswith("250 2.0.0")
        assert node.collector.taken[0].writer_id == node.person_id
