"""Who signed in and was refused has evidence of it; strangers have none."""

from hashlib import sha256

from signing.evidence import record
from tests.mailcore.smtp.conftest import Listening
from tests.mailcore.smtp.node import AMINA, KARIM, LETTER
from tests.mailcore.smtp.test_submit import signed_in


def told(tx):
    return [record.read(bytes(one)) for one in tx.column("SELECT record FROM evidence_fact")]


async def sent(client, text: bytes) -> str:
    for command in (f"MAIL FROM:<{AMINA}>", f"RCPT TO:<{KARIM}>"):
        assert (await client.ask(command)).startswith("250 ")
    assert (await client.ask("DATA")).startswith("354 ")
    said: str = await client.ask(text + b".")
    return said


async def test_a_letter_that_is_refused_for_good_is_evidence_with_the_reason(submission: Listening) -> None:
    client = await signed_in(submission)
    forged = b"Message-ID: <1@x.example>\r\n" + LETTER.replace(AMINA.encode(), KARIM.encode())
    assert (await sent(client, forged)).startswith("553 5.7.1 ")
    [one] = await submission.services.db.read(told)
    assert (one.event, one.sender, one.recipients, one.message) == ("SubmissionRejection", AMINA, (KARIM,), "1@x.example")
    assert [(reason.code, "may send" in reason.text) for reason in one.reasons] == [("553 5.7.1", True)]
    assert one.digest == f"sha256:{sha256(forged).hexdigest()}"


async def test_a_letter_that_is_taken_is_no_rejection(submission: Listening) -> None:
    client = await signed_in(submission)
    assert (await sent(client, LETTER)).startswith("250 ")
    assert await submission.services.db.read(told) == []
