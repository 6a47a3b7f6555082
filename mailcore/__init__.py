"""Mail itself: messages, the store, the queue, SMTP and IMAP."""
