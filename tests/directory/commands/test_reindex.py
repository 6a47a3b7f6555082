"""`diwan directory reindex` on a node's directory as `diwan init` leaves it."""

import json
from pathlib import Path

from .test_register_commands import diwan, fund, node

__all__ = ["fund", "node"]


def test_the_index_is_built_anew(fund: Path) -> None:
    assert json.loads(diwan(fund, "directory", "reindex", "--json").stdout) == {"accounts": 3}
