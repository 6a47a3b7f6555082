"""The process that holds private keys: `python -m signing.signer --socket PATH --keys DIR`.

One unix socket (mode 0600, peers of the same user only), no network, no database. With `--child` it ends when the
process that started it goes away; SIGTERM ends it always. It prints `ready` when it answers.
"""

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from config.clock import SystemClock
from signing.book import Book
from signing.errors import SignerUnavailable
from signing.keyring import Keyring
from signing.listening import alone, begun, listening, told
from signing.service import Service
from signing.vault import Damaged

if TYPE_CHECKING:
    from signing.token import Token

FLUSH_S = 1.0
PLACE = "token.toml"  # below the keys directory: the PKCS#11 token on which keys are made, if there is one


async def serve(path: Path, keyring: Keyring, book: Book, *, child: bool) -> None:
    """Answer on the socket until SIGTERM, or as a child until the parent is gone."""
    async with asyncio.TaskGroup() as tasks:
        service = Service(keyring, book, SystemClock(), tasks)
        flushing = tasks.create_task(_flush(service))
        async with listening(path, service):
            await told(child=child)
            flushing.cancel()
    await service.close()


async def _flush(service: Service) -> None:
    while True:
        await asyncio.sleep(FLUSH_S)
        await service.flush()


def main(arguments: list[str] | None = None) -> int:
    """Run the signer; return 1 with one line that says why when it cannot start."""
    parser = argparse.ArgumentParser(prog="signing.signer", description="holds private keys and signs digests")
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--keys", type=Path, required=True)
    options = begun(parser, arguments)
    try:
        options.keys.mkdir(mode=0o700, parents=True, exist_ok=True)
        options.socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = alone(options.keys / "lock")
        keyring = Keyring(options.keys, SystemClock(), _token(options.keys / PLACE))
    except BlockingIOError:
        return _fail(f"another signer works on {options.keys}")
    except (Damaged, OSError) as reason:
        return _fail(str(reason))
    except SignerUnavailable:
        return _fail(f"the token that {options.keys / PLACE} names does not answer, or not to this PIN")
    asyncio.run(serve(options.socket, keyring, Book(options.keys, SystemClock()), child=options.child))
    options.socket.unlink(missing_ok=True)
    os.close(lock)
    return 0


def _token(path: Path) -> "Token | None":
    """Open the token on which new keys are made, where there is one. Raises Damaged, OSError, SignerUnavailable."""
    if not path.exists():
        return None
    from signing import token

    return token.Token(token.read(path))


def _fail(reason: str) -> int:
    sys.stderr.write(f"signer: {reason}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
