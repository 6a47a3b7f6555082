"""Roles: what a node runs. Named as strings, so that config stays at the bottom and a role's code loads only when it runs."""

import asyncio
import contextlib
import gc
import importlib
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from config import settings, surroundings
from config.errors import MailError
from config.log import log

SERVICES = "mailcore.services:opened"
ROLES = {
    "deliver": "mailcore.queue.worker:deliver",
    "mx": "mailcore.smtp.server:mx",
    "submission": "mailcore.smtp.server:submission",
    "imap": "mailcore.imap.server:imap",
    "ldap": "mailcore.ldap:ldap",
    "sieve": "mailcore.managesieve.server:sieve",
    "web": "webmail.app:web",
    "keep": "mailcore.keep:keep",
    "index": "mailcore.index:index",
    "seal": "mailcore.evidence.roles:seal",
    "manifest": "mailcore.manifest.role:manifest",
    "sync": "mailcore.sync:sync",
    "pki": "mailcore.pki.role:pki",
    "metrics": "mailcore.metrics:metrics",
}

LISTENERS = {
    "mx": ("smtp", "lmtp"),
    "submission": ("submission", "submissions"),
    "imap": ("imap", "imaps"),
    "ldap": ("ldaps",),
    "sieve": ("sieve",),
    "web": ("https",),
    "pki": ("pki",),
}

# How long the event loop may keep the interpreter from the database threads (CPython's default is 5 ms). Measured on two cores
# at 10 and 50 connections: a fifth more mail a second and a third off the slowest answers.
SWITCH_S = 0.0005

# New objects after which the collector comes by (CPython's default is 700, which is three times a message: a twentieth of what
# reception costs, and next to nothing is found: what we make is given back by counting).
COLLECTED = 10_000


class NoSuchRole(MailError):
    text = "there is no such role"


def load(name: str) -> Callable[..., Any]:
    """Return what ``package.module:attribute`` names."""
    module, _, attribute = name.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    return found


def listeners(read: settings.Settings, names: Sequence[str]) -> dict[str, str]:
    """Return where these roles listen, by name of the listener."""
    wanted = [listener for name in names for listener in LISTENERS.get(name, ())]
    found = {listener: where for listener in wanted if (where := getattr(read.listen, listener))}
    return found | ({"metrics": read.metrics.listen} if "metrics" in names and read.metrics.listen else {})


async def run(directory: Path, names: Sequence[str], ready: Callable[[settings.Settings], None]) -> None:
    """Run roles in this process until SIGTERM or SIGINT; call `ready` when every listener answers.

    Roles stop in reverse order: fronts first, delivery last. Raises NoSuchRole, SettingsError.
    """
    for name in names:
        if name not in ROLES:
            raise NoSuchRole(f"there is no role {name!r}; roles are {', '.join(ROLES)}")
    read = settings.load(directory)
    surroundings.ready(read, listeners(read, names))
    sys.setswitchinterval(SWITCH_S)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        services = await stack.enter_async_context(load(SERVICES)(read))
        for name in names:
            await stack.enter_async_context(load(ROLES[name])(services))
            log.info("role.started", role=name)
        gc.collect()
        gc.freeze()  # what is there now stays: the collector need not look through it again and again, 30 ms each time
        gc.set_threshold(COLLECTED)
        ready(read)
        await stop.wait()
        log.info("node.stopping")
    log.info("node.stopped")
