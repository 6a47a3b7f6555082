"""How much may be held for those who came in. Pure counting."""


class Memory:
    """A budget of octets that all connections of a node share."""

    def __init__(self, size_bytes: int) -> None:
        self.left_bytes = size_bytes

    def take(self, size_bytes: int) -> bool:
        """Reserve octets, or say that there are not enough."""
        if size_bytes > self.left_bytes:
            return False
        self.left_bytes -= size_bytes
        return True

    def give(self, size_bytes: int) -> None:
        """Return reserved octets."""
        self.left_bytes += size_bytes
