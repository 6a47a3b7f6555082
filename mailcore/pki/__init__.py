"""Certificates of this platform: issued, renewed, revoked, and what the world is told of that."""
