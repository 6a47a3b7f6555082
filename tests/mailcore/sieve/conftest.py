"""Delivery through scripts runs on the same small node as the queue's tests."""

from tests.mailcore.queue.conftest import opener, services

__all__ = ["opener", "services"]
