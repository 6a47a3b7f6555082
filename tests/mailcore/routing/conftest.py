"""The certificates of strangers, as the queue's tests make them."""

from tests.mailcore.queue.conftest import authority

__all__ = ["authority"]
