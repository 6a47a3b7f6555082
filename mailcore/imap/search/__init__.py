"""Searching, sorting and threading the messages of a mailbox. RFC 3501 §6.4.4, RFC 5256."""
