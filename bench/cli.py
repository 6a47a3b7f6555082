"""What the command lines of the two load clients share."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any


def add_server_options(parser: argparse.ArgumentParser, default_server: str) -> None:
    """Add where the server is, how to reach it, as whom, and what to watch."""
    parser.add_argument("--server", default=default_server, metavar="HOST:PORT")
    parser.add_argument("--security", choices=("plain", "tls", "starttls"), default="plain")
    parser.add_argument("--ca", type=Path, metavar="FILE", help="verify against this root; default: take any certificate")
    parser.add_argument("--login", metavar="USER")
    parser.add_argument("--password", default="")
    parser.add_argument("--pid", type=int, action="append", default=[], help="server process: its tree's CPU is reported")
    parser.add_argument("--cpu", type=int, metavar="N", help="keep this client on core N")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def print_report(report: Any, *, as_json: bool) -> None:
    """Print a report dataclass, for people or as JSON."""
    values = asdict(report)
    if as_json:
        print(json.dumps(values))
        return
    for name, value in values.items():
        if value is not None:
            print(f"{name:24} {value:,.2f}" if isinstance(value, float) else f"{name:24} {value}")
