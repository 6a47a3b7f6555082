"""The services and the certificates of the queue's tests."""

from tests.mailcore.queue.conftest import authority, opener, services, sink

__all__ = ["authority", "opener", "services", "sink"]
