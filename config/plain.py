"""Text that somebody else wrote, on a terminal."""

JOINERS = "\u200c\u200d\u200e\u200f"  # between letters and words of Arabic script


def plain(text: str) -> str:
    """Return text so that all of it is seen: nothing in it ends the line, moves the cursor or turns what follows around."""
    return text if text.isprintable() else "".join([one if one.isprintable() or one in JOINERS else ascii(one)[1:-1] for one in text])
