"""Groups of subcommands, by the module whose typer `app` they are, and single commands, by the module whose `main` they are.

Loaded when asked for: `diwan up` needs none of them.
"""

import importlib
from collections.abc import Sequence

import typer

GROUPS = {
    "ceremony": "mailcore.pki.ceremony_commands",
    "cert": "mailcore.pki.commands",
    "crl": "mailcore.pki.lists_commands",
    "dkim": "mailcore.checks.commands",
    "escrow": "mailcore.pki.escrow_commands",
    "evidence": "mailcore.evidence.commands",
    "admin": "directory.commands.admin",
    "journal": "directory.commands.journal",
    "list": "directory.commands.lists",
    "delegation": "directory.commands.delegation",
    "queue": "mailcore.queue.commands",
    "pdf": "mailcore.pdf.commands",
    "pgp": "mailcore.openpgp.commands",
    "quota": "mailcore.quota",
    "route": "mailcore.queue.route_command",
    "tls": "mailcore.queue.tls_command",
    "sending": "mailcore.sending",
    "sieve": "mailcore.sieve.operate",
    "organisation": "directory.commands.organisation",
    "post": "directory.commands.post",
    "person": "directory.commands.person",
    "domain": "directory.commands.domain",
    "alias": "directory.commands.alias",
    "unit": "directory.commands.unit",
    "client": "directory.commands.client",
    "node": "directory.commands.node",
    "directory": "directory.commands.register",
}
COMMANDS = {
    "dns": "directory.commands.dns",
    "reindex": "mailcore.reindex",
    "verify": "mailcore.evidence.verify_command",
    "who": "directory.commands.who",
}


def add(app: typer.Typer, arguments: Sequence[str]) -> None:
    """Add the group or command that the command line begins with, or every one when it begins with no command at all."""
    asked = next((word for word in arguments if not word.startswith("-")), None)
    for name, module in GROUPS.items():
        if asked is None or asked == name:
            app.add_typer(importlib.import_module(module).app, name=name)
    for name, module in COMMANDS.items():
        if asked is None or asked == name:
            app.command(name=name)(importlib.import_module(module).main)
