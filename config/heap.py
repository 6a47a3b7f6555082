"""Memory at hand: what was given back to the allocator is had again for nothing, a page that is new costs some 3 µs.

glibc has blocks above a threshold from the system each time, every page of them new. The threshold rises to the largest block
that was given back so (mallopt(3), M_MMAP_THRESHOLD). With another allocator this does nothing.
"""

HELD_BYTES = 4 * 1024 * 1024  # what a mailbox of 100,000 messages needs while it is opened, twice


def warm() -> None:
    """Let blocks of up to HELD_BYTES come from the heap, and some of it be there already."""
    octets: bytes | bytearray = bytearray(HELD_BYTES)
    del octets
    octets = b"\x01" * (HELD_BYTES * 3 // 4)
    del octets
