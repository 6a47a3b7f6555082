"""Steps of a demonstration: each says what was seen, and the first that differs ends it."""

import contextlib
import time
from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape


class Differs(Exception):
    """What was seen is not what must be."""


def expect(holds: object, seen: object) -> None:
    """Raise Differs with what was seen unless `holds`."""
    if not holds:
        raise Differs(str(seen))


class Steps:
    """Numbers the steps and prints a line for each."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._number = 0
        self.failed = ""

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[list[str]]:
        """Run one step; what is appended to the list is printed as seen. A failure is printed and raised again."""
        self._number += 1
        seen: list[str] = []
        started = time.monotonic()
        try:
            yield seen
        except Exception as error:
            self.failed = title
            self._console.print(
                f"[red]✗[/red] {self._number:2} {escape(title)}: {escape(type(error).__name__)}: {escape(str(error))}", soft_wrap=True
            )
            raise
        took = time.monotonic() - started
        self._console.print(f"[green]✓[/green] {self._number:2} {escape(title)} [dim]({took:.1f} s)[/dim]", highlight=False, soft_wrap=True)
        for line in seen:
            self._console.print(f"      {escape(line)}", highlight=False, soft_wrap=True)
