"""Arabic text in a plain message that is read from the left: each line is set apart and begins at the right.

Unicode Standard Annex 9, §2.4 and §2.7: an isolate for each line, since plain text has no other means. Readers that know nothing
of it show the same text.
"""

RIGHT_TO_LEFT, FIRST_STRONG, END = "\u2067", "\u2068", "\u2069"  # RLI, FSI, PDI


def right_to_left(text: str) -> str:
    """Return a text whose lines read from the right, names and numbers in them included."""
    return "\n".join(f"{RIGHT_TO_LEFT}{line}{END}" if line.strip() else line for line in text.split("\n"))


def apart(text: str) -> str:
    """Return what somebody else wrote so that its direction does not change that of the line."""
    return f"{FIRST_STRONG}{text}{END}"
