"""`diwan tls report`: how TLS with other domains went on a day."""

import sys
from datetime import UTC, date, datetime
from typing import Annotated

import typer

from config import log
from config.clock import DAY_US, SECOND_US, SystemClock
from config.commands import HERE, Directory, Json, ask, show
from mailcore.queue import tls_reports
from mailcore.routing import tlsrpt, tracing

app = typer.Typer(help="TLS with other servers: report, traces.", no_args_is_help=True)
Day = Annotated[str, typer.Option(help="The day, as 2026-11-22 in UTC; today without it.")]
WEEK = 7


@app.command()
def report(directory: Directory = HERE, day: Day = "", as_json: Json = False) -> None:
    """Show how sessions with each domain went on a day, and what went wrong (RFC 8460)."""
    log.configure("error")
    rows = tls_reports.shown(ask(directory, tlsrpt.of_day, _number(day)))
    if as_json:
        show(rows)
        return
    for row in rows:
        where = f"  {row['host']} {row['address']}".rstrip()
        sys.stdout.write(f"{row['sessions']:>7}  {row['domain']}  {row['policy']}  {row['result']}{where}\n")
        sys.stdout.write(f"         {row['reason']}\n" if row["reason"] else "")
    if not rows:
        sys.stdout.write("no session with another domain on that day\n")


@app.command()
def traces(directory: Directory = HERE, as_json: Json = False) -> None:
    """Show how messages from other nodes came in the last week: whose trace was good, and what was wrong with others."""
    log.configure("error")
    first = SystemClock().now_us() // DAY_US - WEEK
    rows = [
        {"day": f"{datetime.fromtimestamp(at * DAY_US // SECOND_US, UTC):%Y-%m-%d}", "node": node, "trace": mark, "messages": messages}
        for at, node, mark, messages in ask(directory, tracing.counts, first)
    ]
    if as_json:
        show(rows)
        return
    for row in rows:
        sys.stdout.write(f"{row['day']}  {row['messages']:>7}  {row['trace']:<8}  {row['node']}\n")
    if not rows:
        sys.stdout.write("no message from another node in the last week\n")


def _number(day: str) -> int:
    try:
        at = date.fromisoformat(day) if day else datetime.now(UTC).date()
    except ValueError:
        raise typer.BadParameter(f"{day!r} is not a day such as 2026-11-22") from None
    return (at - date(1970, 1, 1)).days
