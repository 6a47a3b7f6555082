"""Times and urgency: REQUIRETLS, FUTURERELEASE, DELIVERBY, MT-PRIORITY, LIMITS. RFC 8689, 4865, 2852, 6710, 9422."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from config.clock import ManualClock
from config.database import Tx
from directory import resolve, sending
from directory.address import parse
from directory.manifest import topology
from directory.sending import Sending
from mailcore.queue.types import By
from mailcore.smtp.limits import Limits
from tests.mailcore.smtp.conftest import Listening
from tests.mailcore.smtp.node import AMINA, LETTER, Client
from tests.mailcore.smtp.test_receive import deliver
from tests.mailcore.smtp.test_submit import signed_in

SECOND = 1_000_000


async def extensions(client: Client) -> set[str]:
    return {line[4:] for line in (await client.ask("EHLO client.example")).split("\n")[1:]}


async def send(client: Client, parameters: str, sender: str = AMINA) -> str:
    said = await client.ask(f"MAIL FROM:<{sender}> {parameters}")
    if said.startswith("250"):
        await client.ask("RCPT TO:<b@remote.example>" if sender == AMINA else f"RCPT TO:<{AMINA}>")
        await client.ask("DATA")
        await client.send(LETTER + b".\r\n")
        assert (await client.reply()).startswith("250 2.0.0")
    return said


def moment(now_us: int, more_s: int = 0) -> str:
    return f"{datetime.fromtimestamp(now_us // SECOND + more_s, UTC):%Y-%m-%dT%H:%M:%SZ}"


async def test_each_listener_announces_what_holds_there(mx: Listening, clock: ManualClock) -> None:
    await mx.start("submission")
    from_outside, submitting = await mx.client(), await mx.client("submission")
    common = {
        "PIPELINING", "SIZE 52428800", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN", "CHUNKING", "BINARYMIME", "MT-PRIORITY",
        "DELIVERBY 60", "LIMITS RCPTMAX=1000 MAILMAX=10000",
    }  # fmt: skip
    future = f"FUTURERELEASE 2592000 {moment(clock.now_us(), 2_592_000)}"
    assert await extensions(from_outside) == {*common, "STARTTLS"}
    assert await extensions(submitting) == {*common, "STARTTLS", future}
    inside = await mx.client("submissions")
    assert {one for one in await extensions(inside) if not one.startswith("AUTH ")} == {*common, "REQUIRETLS", future}


async def test_requiretls_holds_inside_tls_only(mx: Listening) -> None:
    client = await mx.client()
    assert (await client.ask("MAIL FROM:<a@x.example> REQUIRETLS")).startswith("555 5.5.4")
    assert (await client.ask("STARTTLS")).startswith("220")
    await client.start_tls(mx.trusting)
    assert "REQUIRETLS" in await extensions(client)
    assert (await client.ask("MAIL FROM:<a@x.example> REQUIRETLS=1")).startswith("501 5.5.4")
    assert (await send(client, "REQUIRETLS", "a@x.example")).startswith("250 2.1.0")
    assert mx.collector.taken[0].requiretls


@pytest.mark.parametrize("more_s", [1, 3600, 2_592_000])
async def test_a_message_is_held_for_as_long_as_is_asked(submission: Listening, clock: ManualClock, more_s: int) -> None:
    client = await signed_in(submission)
    for parameter in (f"HOLDFOR={more_s}", f"holduntil={moment(clock.now_us(), more_s)}"):
        assert (await send(client, parameter)).startswith("250 2.1.0")
    now_us = clock.now_us()
    assert submission.collector.taken[0].hold_until_us == now_us + more_s * SECOND
    assert submission.collector.taken[1].hold_until_us == (now_us // SECOND + more_s) * SECOND


async def test_the_release_may_be_said_in_another_zone(submission: Listening, clock: ManualClock) -> None:
    client = await signed_in(submission)
    there = datetime.fromtimestamp(clock.now_us() // SECOND + 7200 + 3600, UTC)  # what a clock one hour to the east shows
    await send(client, f"HOLDUNTIL={there:%Y-%m-%dT%H:%M:%S}+01:00")
    assert submission.collector.taken[0].hold_until_us == (clock.now_us() // SECOND + 7200) * SECOND


@pytest.mark.parametrize(
    "parameters",
    [
        "HOLDFOR", "HOLDFOR=0", "HOLDFOR=-1", "HOLDFOR=x", "HOLDFOR=1.5", "HOLDFOR=2592001", "HOLDFOR=9999999999", "HOLDUNTIL=tomorrow",
        "HOLDUNTIL=2000-01-01T00:00:00Z", "HOLDUNTIL=2999-01-01T00:00:00Z", "HOLDUNTIL=2026-13-01T00:00:00Z", "HOLDUNTIL=2026-01-01",
        "HOLDFOR=60 HOLDUNTIL=2026-01-01T00:00:00Z", "HOLDUNTIL=2026-01-01T00:00:00Z HOLDFOR=60", "HOLDFOR=1 HOLDFOR=1",
        "HOLDUNTIL=0001-01-01T00:00:00+14:00",
    ],
)  # fmt: skip
async def test_a_release_that_cannot_be_is_refused(submission: Listening, parameters: str) -> None:
    client = await signed_in(submission)
    assert (await client.ask(f"MAIL FROM:<{AMINA}> {parameters}")).startswith("501 5.5.4")
    assert (await client.ask(f"MAIL FROM:<{AMINA}>")).startswith("250")


async def test_only_submission_holds(mx: Listening) -> None:
    client = await mx.client()
    assert (await client.ask("MAIL FROM:<a@x.example> HOLDFOR=60")).startswith("555 5.5.4")


@pytest.mark.parametrize(
    ("value", "want"),
    [("120;R", (120, False, False)), ("60;RT", (60, False, True)), ("+5;n", (5, True, False)), ("-30;NT", (-30, True, True))],
)
async def test_a_deadline_travels_with_the_message(mx: Listening, clock: ManualClock, value: str, want: tuple[int, bool, bool]) -> None:
    client = await mx.client()
    assert (await send(client, f"BY={value}", "a@x.example")).startswith("250 2.1.0")
    seconds, notify, trace = want
    assert mx.collector.taken[0].by == By(clock.now_us() + seconds * SECOND, notify, trace)


@pytest.mark.parametrize("value", ["", "=", "=120", "=120;X", "=0;R", "=-5;R", "=59;R", "=1234567890;R", "=1;RTT", "=120;R BY=120;R"])
async def test_a_deadline_that_cannot_be_is_refused(mx: Listening, value: str) -> None:
    client = await mx.client()
    assert (await client.ask(f"MAIL FROM:<a@x.example> BY{value}")).startswith("501 5.5.4")


@pytest.mark.parametrize("value", ["", "=", "=10", "=-0", "=x", "=+1", "=-10"])
async def test_a_priority_is_a_digit(mx: Listening, value: str) -> None:
    client = await mx.client()
    assert (await client.ask(f"MAIL FROM:<a@x.example> MT-PRIORITY{value}")).startswith("501 5.5.")


@pytest.mark.parametrize(("asked", "got"), [(4, 0), (1, 0), (-3, -3)])
async def test_the_urgency_that_a_stranger_claims_is_ignored_and_the_reply_says_so(mx: Listening, asked: int, got: int) -> None:
    client = await mx.client()
    said = await send(client, f"MT-PRIORITY={asked}", "a@x.example")
    assert said.startswith("250 2.1.0" if asked == got else f"250 2.3.6 {got} ")
    assert mx.collector.taken[0].priority == got


async def test_to_write_from_the_domain_of_a_node_is_not_to_be_that_node(mx: Listening) -> None:
    def known(tx: Tx) -> None:
        owner = tx.value("SELECT organisation_id FROM organisation")
        topology.add(
            tx, "cnas", owner, "online", "mx.cnas.example", "mx.cnas.example:25", "mx.cnas.example:443", b"k" * 32, ["cnas.example"]
        )

    await mx.services.db.write(known)
    client = await mx.client()
    assert (await send(client, "MT-PRIORITY=6", "a@cnas.example")).startswith("250 2.3.6 0 ")
    assert mx.collector.taken[0].priority == 0


@pytest.mark.parametrize(("own", "administration", "asked", "got"), [
    (None, None, 2, 0), (None, None, -9, -9), (4, None, 4, 4), (4, None, 6, 4), (None, 6, 6, 6), (2, 6, 6, 2), (0, 6, 6, 0),
])  # fmt: skip
async def test_people_are_as_urgent_as_the_register_allows(
    submission: Listening, own: int | None, administration: int | None, asked: int, got: int
) -> None:
    def allow(tx: Tx) -> None:
        amina = resolve.resolve(tx, parse(AMINA))
        assert amina is not None
        sending.give(tx, amina.account_id, Sending(priority=own))
        sending.give(tx, tx.value("SELECT organisation_id FROM organisation"), Sending(priority=administration))

    await submission.services.db.write(allow)
    client = await signed_in(submission)
    said = await send(client, f"MT-PRIORITY={asked}")
    assert said == "250 2.1.0 sender OK" if asked == got else said.startswith(f"250 2.3.6 {got} ")
    assert submission.collector.taken[0].priority == got


async def test_after_as_many_messages_as_announced_the_connection_ends(listening: Listening) -> None:
    await listening.start("smtp", replace(Limits(), messages=2))
    client = await listening.client()
    assert "LIMITS RCPTMAX=1000 MAILMAX=2" in await extensions(client)
    for _ in range(2):
        assert (await deliver(client)).startswith("250")
    assert (await client.ask("MAIL FROM:<a@x.example>")).startswith("421 4.5.3")
    assert await client.closed()
