"""`python -m bench.clear …`: the `diwan` command, but its plain IMAP listener takes passwords, as the peer's does.

Our server never does that (RFC 3501 §6.2.3, LOGINDISABLED), so this exists for measuring over loopback alone: how fast
IMAP is, not how fast TLS is. Nothing else differs.
"""

import asyncio

from config.cli import main
from mailcore.imap.connection import Connection

greet = Connection.connection_made


def connection_made(self: Connection, transport: asyncio.BaseTransport) -> None:
    """Treat every connection as if it had TLS, once it has been greeted as what it is."""
    greet(self, transport)
    self.secure = True


if __name__ == "__main__":
    Connection.connection_made = connection_made  # type: ignore[method-assign]
    main()
