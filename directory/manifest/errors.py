"""What the manifest refuses."""

from directory.errors import BadEntry


class BadManifest(BadEntry):
    """A document or a part of it that must not be believed; the text goes on after "the manifest is refused: "."""

    text = "the manifest is refused"

    def __init__(self, why: str, **facts: object) -> None:
        super().__init__(f"the manifest is refused: {why}", **facts)
