"""The directory as an address book: CardDAV."""
