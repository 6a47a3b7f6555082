"""IMAP4rev1 (RFC 3501) as our own asyncio server: pure framer, parser and view; thin edges around them."""
