"""From acceptance to a mailbox, another server, or a report."""
