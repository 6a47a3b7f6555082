"""Mail clients as people have them: submission with smtplib, reading and IDLE with imaplib."""

import imaplib
import smtplib
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from mailcore.demo.nodes import Node, Person
from mailcore.demo.steps import Differs, expect

WAIT_S = 20.0


def trust(node: Node) -> ssl.SSLContext:
    """Return a client context that trusts the node's root and nothing else."""
    return ssl.create_default_context(cafile=str(node.ca))


@contextmanager
def imap(node: Node, login: str, password: str) -> Iterator[imaplib.IMAP4_SSL]:
    """Open a mailbox over IMAPS with INBOX selected."""
    client = imaplib.IMAP4_SSL("localhost", node.port("imaps"), ssl_context=trust(node), timeout=WAIT_S)
    try:
        client.login(login, password)
        expect(client.select("INBOX")[0] == "OK", "INBOX cannot be selected")
        yield client
    finally:
        client.logout()


def idle(client: imaplib.IMAP4_SSL) -> None:
    """Begin IDLE (RFC 2177)."""
    client.send(b"idle1 IDLE\r\n")
    expect(client.readline().startswith(b"+"), "IDLE is not taken up")


def await_exists(client: imaplib.IMAP4_SSL) -> tuple[str, float]:
    """Wait until the server says EXISTS, end IDLE; return what it said and how long that took."""
    started = time.monotonic()
    line = client.readline()
    while b"EXISTS" not in line:
        expect(line, "the connection ended during IDLE")
        line = client.readline()
    took = time.monotonic() - started
    client.send(b"DONE\r\n")
    while not client.readline().startswith(b"idle1 OK"):
        pass
    return line.decode().strip(), took


def newest(client: imaplib.IMAP4_SSL, subject_part: str = "", *, wait_s: float = WAIT_S) -> bytes:
    """Return the newest message of the selected mailbox, waiting for one whose octets contain `subject_part`."""
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        client.noop()
        for number in reversed(client.search(None, "ALL")[1][0].split()):
            raw = fetch(client, number.decode())
            if subject_part.encode() in raw:
                return raw
        time.sleep(0.2)
    raise Differs(f"no message with {subject_part!r} within {wait_s:.0f} s")


def fetch(client: imaplib.IMAP4_SSL, number: str) -> bytes:
    """Return a message's octets without marking it as read."""
    answer = client.fetch(number, "(BODY.PEEK[])")[1]
    part = answer[0]
    if not isinstance(part, tuple):
        raise Differs(f"no message {number}: {answer}")
    return part[1]


def submit(node: Node, person: Person, sender: str, recipients: Sequence[str], message: bytes) -> str:
    """Submit octets on 587 with STARTTLS and AUTH; return what the server said after DATA and the TLS version."""
    with smtplib.SMTP("localhost", node.port("submission"), timeout=WAIT_S) as client:
        client.starttls(context=trust(node))
        version = client.sock.version() if isinstance(client.sock, ssl.SSLSocket) else "plain"
        client.login(person.address, person.app_password)
        client.mail(sender)
        for recipient in recipients:
            code, said = client.rcpt(recipient)
            expect(code == 250, f"{recipient}: {code} {said.decode()}")
        code, said = client.data(message)
    expect(code == 250, f"{code} {said.decode()}")
    return f"{version}, AUTH as {person.address}, {code} {said.decode()}"
