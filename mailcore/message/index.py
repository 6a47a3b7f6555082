"""Read a message once, for everything that lists, FETCH and search ask later."""

from mailcore.message.types import Header, Index, Span, Summary

__all__ = ["Header", "Index", "Span", "Summary"]
