"""A node's services on each engine, as for the queue."""

from tests.mailcore.queue.conftest import opener, services, sink

__all__ = ["opener", "services", "sink"]
