"""Keys that tests of OpenPGP share."""

import pytest

from signing.openpgp import keys
from signing.openpgp.types import Key, Secret

AMINA = "amina@interieur.example"
BRAHIM = "brahim@elsewhere.example"


@pytest.fixture(scope="session")
def amina() -> tuple[Secret, Key]:
    return keys.generate("Amina", AMINA, 700)


@pytest.fixture(scope="session")
def brahim() -> tuple[Secret, Key]:
    return keys.generate("Brahim", BRAHIM, 700)


@pytest.fixture(scope="session")
def newer() -> tuple[Secret, Key]:
    """Another key of Brahim's address."""
    return keys.generate("Brahim", BRAHIM, 700)
