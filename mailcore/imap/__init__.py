"""IMAP4rev1 (RFC 3501): what people read mail with."""
