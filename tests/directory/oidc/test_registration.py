"""What a platform may register, and which address is one of those."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.errors import BadEntry
from directory.oidc import registrations, scopes, uris
from directory.oidc.types import Registration

GOOD: dict[str, Any] = {
    "organisation_id": 1,
    "name_ar": "",
    "name_fr": "Dossiers",
    "auth": "client_secret_basic",
    "scopes": ("openid",),
    "redirect_uris": ("https://a.example/back",),
}


def test_a_plain_registration_passes() -> None:
    registrations.check(Registration(**GOOD))
    assert registrations.sector(Registration(**GOOD)) == "a.example"


@pytest.mark.parametrize(
    "changes",
    [
        {"name_fr": ""},
        {"name_fr": "x" * 101},
        {"name_fr": "a\u202eb"},
        {"grant_types": ("password",)},
        {"grant_types": ("implicit", "authorization_code")},
        {"grant_types": ("refresh_token",)},
        {"grant_types": ()},
        {"scopes": ("openid", "root")},
        {"scopes": ()},
        {"redirect_uris": ()},
        {"redirect_uris": ("http://a.example/back",)},
        {"redirect_uris": ("https://a.example/back", "https://b.example/back")},
        {"redirect_uris": ("https://*.a.example/back",)},
        {"redirect_uris": ("https://a.example/back#x",)},
        {"redirect_uris": ("https://user@a.example/back",)},
        {"redirect_uris": ("javascript:alert(1)",)},
        {"redirect_uris": ("data:text/html,x",)},
        {"redirect_uris": ("/back",)},
        {"redirect_uris": ("//a.example/back",)},
        {"redirect_uris": ("https://a.example/ back",)},
        {"redirect_uris": ("https://a.example/back\r\nset-cookie: x",)},
        {"redirect_uris": ("https://a.example;form-action *",)},
        {"redirect_uris": ("https://a.example\\@b.example/",)},
        {"redirect_uris": ("http://127.0.0.1/back",)},
        {"redirect_uris": tuple(f"https://a.example/{n}" for n in range(21))},
        {"redirect_uris": ("https://a.example/" + "x" * 1000,)},
        {"auth": "private_key_jwt"},
        {"jwks": '{"keys": []}'},
        {"auth": "none", "audience": "https://api.example/"},
        {"audience": "urn:x"},
        {"backchannel_logout_uri": "http://a.example/bye"},
        {"post_logout_redirect_uris": ("javascript:alert(1)",)},
        {"sector": "a b"},
    ],
)
def test_what_is_not_registered(changes: dict[str, Any]) -> None:
    with pytest.raises(BadEntry):
        registrations.check(Registration(**(GOOD | changes)))


@pytest.mark.parametrize(
    ("asked", "registered", "want"),
    [
        ("https://a.example/back", "https://a.example/back", True),
        ("https://a.example/back/", "https://a.example/back", False),
        ("https://A.example/back", "https://a.example/back", False),
        ("https://a.example/Back", "https://a.example/back", False),
        ("https://a.example:443/back", "https://a.example/back", False),
        ("https://a.example/back?x", "https://a.example/back", False),
        ("https://a.example/./back", "https://a.example/back", False),
        ("https://a.example/%62ack", "https://a.example/back", False),
        ("http://127.0.0.1:4711/cb", "http://127.0.0.1/cb", True),
        ("http://[::1]:4711/cb", "http://[::1]/cb", True),
        ("http://127.0.0.1:4711/other", "http://127.0.0.1/cb", False),
        ("http://127.0.0.1:4711@evil.example/cb", "http://127.0.0.1/cb", False),
        ("http://127.0.0.1.evil.example:1/cb", "http://127.0.0.1/cb", False),
        ("http://localhost:4711/cb", "http://127.0.0.1/cb", False),
        ("https://127.0.0.1:4711/cb", "http://127.0.0.1/cb", False),
        ("example.app:/cb", "example.app:/cb", True),
        ("", "https://a.example/back", False),
    ],
)
def test_addresses_are_compared_character_by_character(asked: str, registered: str, want: bool) -> None:
    assert uris.is_registered(asked, [registered]) is want


@pytest.mark.parametrize(
    ("uri", "want"),
    [
        ("https://a.example/back?x=1", "https://a.example"),
        ("https://a.example:8443/back", "https://a.example:8443"),
        ("http://127.0.0.1:4711/cb", "http://127.0.0.1:4711"),
        ("gov.example.app:/cb", "gov.example.app:"),
        ("javascript:alert(1)", "'none'"),
    ],
)
def test_a_page_leads_to_the_origin_and_no_further(uri: str, want: str) -> None:
    assert uris.source(uri) == want


@given(st.text(max_size=80))
def test_whatever_is_taken_breaks_out_of_no_header(text: str) -> None:
    for uri in (text, f"https://{text}", f"https://a.example/{text}", f"{text}.app:/{text}"):
        try:
            uris.check_redirect(uri, native=True)
        except BadEntry:
            continue
        assert uri.isascii()
        assert uri.isprintable()
        assert not set(uris.source(uri)) & set(" ;,'\"")


@pytest.mark.parametrize("uri", ["http://127.0.0.1/cb", "http://[::1]:99/cb", "gov.example.app:/cb", "https://a.example/back"])
def test_programs_may_return_to_their_own_machine(uri: str) -> None:
    uris.check_redirect(uri, native=True)


@pytest.mark.parametrize("uri", ["javascript:/x", "data:/x", "http://localhost/cb", "file:/x", "http://192.0.2.1/cb", "app:/cb"])
def test_programs_return_nowhere_else(uri: str) -> None:
    with pytest.raises(BadEntry):
        uris.check_redirect(uri, native=True)


def test_scopes_are_read_strictly_and_in_our_order() -> None:
    assert scopes.read("imap openid openid") == ("openid", "imap")
    assert scopes.read("") == ()
    assert scopes.read("openid root") is None
    assert "web" not in scopes.SCOPES
