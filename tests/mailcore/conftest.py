"""TLS for listeners under test."""

import ssl

import pytest

from config.settings import Tls
from tests.mailcore.certificates import certified


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """A throw-away certificate for localhost."""
    return certified(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def trusting(tls: Tls) -> ssl.SSLContext:
    """A client context that verifies the node's certificate."""
    return ssl.create_default_context(cafile=str(tls.certificate))
