"""What commands share that need the parts of a node, such as its signer, and not its database alone."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from config import log, settings
from config.commands import run
from mailcore import services
from mailcore.services import Services

T = TypeVar("T")


def carry_out(directory: Path, work: Callable[[Services], Awaitable[T]]) -> T:
    """Do something with a node's parts, whether the node is running or not. Raises SettingsError."""
    log.configure("error")
    read = settings.load(directory.absolute())

    async def opened() -> T:
        async with services.opened(read) as node:
            return await work(node)

    answer: T = run(opened())
    return answer
