"""The main job: a signed official letter travels from one ministry to another, to a commune and to a second node.

Every step is done with real clients and checked by what they saw. The first that differs ends it.
"""

import hashlib
import imaplib
import shutil
import smtplib
import subprocess
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path

import httpx
from rich.console import Console
from rich.markup import escape

from mailcore.demo import foreign, mail, nodes, pdf, web
from mailcore.demo.nodes import Node, Person
from mailcore.demo.steps import Differs, Steps, expect
from mailcore.demo.web import Web

FROM, TO = "interieur.gov.example", "education.gov.example"
FAR = "archives.example"
FAR_OFFSET = 10_000  # ports of the second node above those of the first
PEOPLE = 60
SUBJECT = "مراسلة رسمية رقم 2026/17: تنظيم الدخول المدرسي"
TEXT = "السيد رئيس مكتب الضبط،\n\nتجدون طيه المراسلة الموقعة والوثيقة المرفقة.\n\nVeuillez trouver ci-joint le document signé.\n"
FILE = "مرفق 17.pdf"


# What a step can end in when something differs: anything else is a bug of the demonstration itself.
FAILURES = (
    Differs,
    OSError,
    ValueError,
    StopIteration,
    imaplib.IMAP4.error,
    smtplib.SMTPException,
    httpx.HTTPError,
    subprocess.SubprocessError,
)


@dataclass(slots=True)
class Journey:
    """What the steps share."""

    steps: Steps
    here: Node
    far: Node
    document: bytes
    clerk: Person
    recipient: Person
    commune: Person
    letter: bytes = b""

    @property
    def post(self) -> str:
        """The sending registry's address."""
        return f"bureau.ordre@{FROM}"


def main(*, seed: int, port_base: int, keep: bool) -> bool:
    """Do the whole job; return whether every step saw what it must."""
    console = Console(highlight=False)
    directory = Path(tempfile.mkdtemp(prefix="diwan-demo-"))
    steps = Steps(console)
    try:
        with ExitStack() as stack:
            journey = _begin(steps, stack, directory, seed, port_base)
            for step in STEPS:
                step(journey)
    except FAILURES as error:
        console.print(f"[red]the step that failed: {escape(steps.failed or str(error))}[/red]")
        return False
    finally:
        if keep:
            console.print(f"left {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)
    console.print("[green]the letter travelled, was read, verified and answered[/green]")
    return True


def _begin(steps: Steps, stack: ExitStack, directory: Path, seed: int, port_base: int) -> Journey:
    with steps.step("two nodes start: a demonstration country, and the archives on a node of their own") as seen:
        here = nodes.make(directory / "here", "--demo", "--seed", str(seed), "--people", str(PEOPLE), "--port-base", str(port_base))
        far = nodes.make(directory / "far", "--domain", FAR, "--port-base", str(port_base + FAR_OFFSET))
        _route(here, f'domain = "{FAR}"', far)
        _route(far, 'domain = ".gov.example"', here)
        for node in (here, far):
            stack.enter_context(nodes.serving(node.directory))
            seen.append(f"{node.directory.name}: {', '.join(f'{name} {where}' for name, where in node.listen.items() if where)}")
    document = pdf.letter(["Direction generale", "Rentree scolaire 2026", "Document annexe n. 17"])
    commune = next(person for person in here.people if any(post.startswith("bureau.ordre@") and "commune" in post for post in person.posts))
    return Journey(steps, here, far, document, here.clerk(FROM), here.clerk(TO), commune)


def _route(node: Node, domain: str, target: Node) -> None:
    """Tell a node where another domain's mail goes, and which root to trust there."""
    with (node.directory / "diwan.toml").open("a", encoding="utf-8") as settings:
        settings.write(f'\n[[route]]\n{domain}\nhost = "localhost"\nport = {target.port("smtp")}\nca = "{target.ca}"\ntls = "verify"\n')


def sign_and_send(journey: Journey) -> None:
    """The clerk writes in the webmail, sees what will be signed, confirms; the recipient's mail client is in IDLE."""
    here, post = journey.here, f"bureau.ordre@{TO}"
    login = f"{journey.recipient.address}/{post}"
    with mail.imap(here, login, journey.recipient.app_password) as client, Web(here) as browser:
        mail.idle(client)
        with journey.steps.step("the registry clerk writes, confirms and signs as the post (webmail over HTTPS)") as seen:
            seen.append(_write(journey, browser, post))
        with journey.steps.step("the recipient's mail client in IDLE sees it arrive (IMAPS)") as seen:
            said, took = mail.await_exists(client)
            journey.letter = mail.newest(client)
            seen.append(f"{said} after {took * 1000:.0f} ms; {len(journey.letter)} octets")
        with journey.steps.step("subject and attachment are what was sent") as seen:
            seen.extend(_compare(journey, journey.letter))


def _write(journey: Journey, browser: Web, to: str) -> str:
    browser.sign_in(journey.clerk)
    path, page, sender = browser.compose(journey.post)
    commune = next(post for post in journey.commune.posts if post.startswith("bureau.ordre@"))
    fields = {"from": sender, "to": to, "cc": commune, "subject": SUBJECT, "text": TEXT, "sign": "yes", "action": "send"}
    files = [("files", (FILE, journey.document, "application/pdf"))]
    confirm = browser.submit(page, path, fields, files)
    digest = hashlib.sha256(journey.document).hexdigest()
    expect(digest in confirm.text, "the page to confirm does not show the attachment's SHA-256")
    expect(SUBJECT in web.text(confirm.text), "the page to confirm does not show the subject")
    sent = browser.submit(confirm.text, confirm.url.path, {"proof-password": journey.clerk.password})
    expect("/sign/" not in sent.url.path, web.text(sent.text)[:300])
    return f"from {journey.post} to {to}, copy to {commune}; confirmed SHA-256 {digest[:16]}…"


def _compare(journey: Journey, raw: bytes) -> list[str]:
    message = message_from_bytes(raw, policy=policy.default)
    expect(message["Subject"] == SUBJECT, message["Subject"])
    attached = [part for part in message.walk() if part.get_content_type() == "application/pdf"]
    expect(len(attached) == 1, [part.get_content_type() for part in message.walk()])
    content = attached[0].get_payload(decode=True)
    expect(content == journey.document, "the attachment's octets differ")
    expect(attached[0].get_filename() == FILE, attached[0].get_filename())
    return [f"subject: {message['Subject']}", f"attachment: {attached[0].get_filename()}, {len(journey.document)} octets, identical"]


def verify(journey: Journey) -> None:
    """openssl judges the letter against the root, and a changed copy."""
    with journey.steps.step("openssl verifies the signature against the root") as seen:
        good, words = foreign.verify(journey.letter, journey.here.ca)
        expect(good, words)
        seen.append(words)
    with journey.steps.step("openssl refuses a changed copy") as seen:
        good, words = foreign.verify(changed(journey.letter), journey.here.ca)
        expect(not good, "openssl accepted a changed copy")
        seen.append(words)


def changed(letter: bytes) -> bytes:
    """Return the letter with one octet of its attachment changed."""
    at = letter.index(b"application/pdf")
    at = letter.index(b"\r\n\r\n", at) + 10
    return letter[:at] + (b"A" if letter[at : at + 1] != b"A" else b"B") + letter[at + 1 :]


def read_copy(journey: Journey) -> None:
    """The commune reads its copy in the webmail, in Arabic, with the verdict; a changed copy is shown as such."""
    post = next(post for post in journey.commune.posts if post.startswith("bureau.ordre@"))
    with Web(journey.here) as browser:
        with journey.steps.step("the commune reads its copy in Arabic and sees a valid signature") as seen:
            browser.sign_in(journey.commune, "ar")
            account = browser.compose(post)[2]
            page = browser.newest(account)
            expect('dir="rtl"' in page, "the page is not right to left")
            seen.append(_banner(journey, page, "good"))
        with journey.steps.step("a changed copy in the same mailbox is shown as not valid") as seen:
            with mail.imap(journey.here, f"{journey.commune.address}/{post}", journey.commune.app_password) as client:
                client.append("INBOX", "", "", changed(journey.letter))
            seen.append(_banner(journey, browser.newest(account), "bad"))


def _banner(journey: Journey, page: str, tone: str) -> str:
    expect(f'class="verdict {tone}"' in page, web.text(page)[:400])
    start = page.index('class="verdict')
    words = web.text("<" + page[start : page.index("</section>", start)])
    expect(journey.post in words, words)
    return words


def forward(journey: Journey) -> None:
    """The clerk's mail client submits the same octets to the archives on the second node, which judge them too."""
    with journey.steps.step("the clerk's mail client submits the signed octets for the second node (587, STARTTLS, AUTH)") as seen:
        seen.append(mail.submit(journey.here, journey.clerk, journey.post, [f"bureau.ordre@{FAR}"], journey.letter))
    with journey.steps.step("the second node receives them over SMTP with verified TLS, signature intact") as seen:
        keeper = journey.far.clerk(FAR)
        with mail.imap(journey.far, f"{keeper.address}/bureau.ordre@{FAR}", keeper.app_password) as client:
            raw = mail.newest(client)
        good, words = foreign.verify(raw, journey.here.ca)
        expect(good, words)
        received = message_from_bytes(raw, policy=policy.default)["Received"]
        expect("ESMTPS" in received, received)
        seen.extend([" ".join(received.split()), words, *_compare(journey, raw)[1:]])


def report(journey: Journey) -> None:
    """A letter to nobody comes back as a report that people can read."""
    with journey.steps.step("an unknown recipient at the second node brings a readable report") as seen:
        nobody = f"personne@{FAR}"
        letter = f"From: {journey.post}\r\nTo: {nobody}\r\nSubject: essai\r\n\r\nBonjour\r\n".encode()
        mail.submit(journey.here, journey.clerk, journey.post, [nobody], letter)
        with mail.imap(journey.here, f"{journey.clerk.address}/{journey.post}", journey.clerk.app_password) as client:
            raw = mail.newest(client, nobody)
        message = message_from_bytes(raw, policy=policy.default)
        expect(message.get_content_type() == "multipart/report", message.get_content_type())
        readable = next(part for part in message.walk() if part.get_content_type() == "text/plain")
        status = next(part for part in message.walk() if part.get_content_type() == "message/delivery-status")
        expect("5.1.1" in status.as_string(), status.as_string())
        seen.append(f"{message['Subject']}: {' '.join(readable.get_content().split())[:200]}")


def sound(journey: Journey) -> None:
    """Both stores hold what they must."""
    with journey.steps.step("`diwan check` finds both stores sound") as seen:
        for node in (journey.here, journey.far):
            done = nodes.run("check", "--dir", str(node.directory))
            expect(done.returncode == 0, done.stdout + done.stderr)
            seen.append(f"{node.directory.name}: {done.stdout.strip()}")


STEPS = (sign_and_send, verify, read_copy, forward, report, sound)
