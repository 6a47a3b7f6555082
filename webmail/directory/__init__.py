"""The directory as people see it: entries, charts, favourites, loans of mailboxes, and lists with what waits for them."""
