"""Sieve: what people want done with their mail. RFC 5228 and its extensions; a pure language, and how deliveries use it."""
