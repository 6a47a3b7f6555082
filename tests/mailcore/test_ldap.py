"""The base of the tree: made of the hostname, or said in the settings."""

from pathlib import Path

import pytest

from config import settings
from config.settings import SettingsError
from mailcore.ldap import base
from mailcore.operate import LOOKS

TOML = """
[node]
hostname = "{hostname}"
postmaster = "postmaster@gov.example"

[tls]
certificate = "tls.pem"
key = "tls.key"

[ldap]
base = "{base}"
"""


@pytest.mark.parametrize(
    ("hostname", "said", "want"),
    [
        ("mx.gov.example", "", "dc=gov,dc=example"),
        ("localhost", "", "dc=localhost"),
        ("mx.gov.example", "O = Gouvernement , C=DZ", "o=Gouvernement,c=DZ"),
    ],
)
def test_the_base_is_said_or_made_of_the_hostname(hostname: str, said: str, want: str) -> None:
    assert base(settings.parse(TOML.format(hostname=hostname, base=said), Path("/node"))) == want


def test_a_base_that_is_no_name_is_told_to_whoever_starts_or_asks() -> None:
    read = settings.parse(TOML.format(hostname="mx.gov.example", base="nonsense"), Path("/node"))
    with pytest.raises(SettingsError, match=r"ldap\.base: expected a distinguished name"):
        base(read)
    looked = [look(read) for look in LOOKS if look.__name__ == "_address_book"]
    assert [(one.check, one.ok) for one in looked] == [("ldap", False)]
