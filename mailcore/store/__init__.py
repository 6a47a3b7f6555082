"""Mailboxes, messages, blobs, changes: what is kept."""
