"""The signer's contract with a key in a file: the process that comes after a dead one has it too."""

import os
from pathlib import Path

from tests.mailcore.wrapper import AesWrapper


class FileWrapper(AesWrapper):
    """The signer's contract with a key that the next process has too."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(os.urandom(32))
        super().__init__(path.read_bytes())
