"""What `diwan up` tells people about a demonstration node: where it is, who can sign in, what to trust."""

import msgspec

from config.settings import Settings
from mailcore.ldap import base
from mailcore.setup import DEMO_FILE

COLUMNS = ("address", "password", "holds")


def show(settings: Settings) -> str:
    """Return addresses, sign-ins and the root certificate of a node that has a demo.json; nothing for others."""
    path = settings.directory / DEMO_FILE
    if not path.exists():
        return ""
    described = msgspec.json.decode(path.read_bytes())
    people = [(person["address"], person["password"], " ".join(person["posts"])) for person in described["people"]]
    widths = [max(len(row[column]) for row in (COLUMNS, *people)) for column in range(2)]
    rows = [f"  {row[0]:{widths[0]}}  {row[1]:{widths[1]}}  {row[2]}" for row in (COLUMNS, *people)]
    port = settings.listen.https.rpartition(":")[2]
    return "\n".join(
        (
            f"Webmail        https://localhost:{port}/",
            f"Reading        IMAP {settings.listen.imaps} (TLS), {settings.listen.imap} (STARTTLS)",
            f"Sending        SMTP {settings.listen.submissions} (TLS), {settings.listen.submission} (STARTTLS)",
            f"Other servers  SMTP {settings.listen.smtp}",
            f"Address book   LDAP {settings.listen.ldaps} (TLS), base {base(settings)}",
            f"CA to import   {described['ca']}",
            "Sign-ins",
            *rows,
            "In a mail client, a function's mailbox has the user name  person@domain/function@domain",
            "",
        )
    )
