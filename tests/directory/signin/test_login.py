"""Login names: a person, or a person acting for a post."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.address import Address
from directory.signin.login import Login, parse_login

A, B = Address("a", "x.example"), Address("b", "y.example")


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("a@x.example", Login(A, None)),
        (" A@X.example ", Login(Address("A", "x.example"), None)),
        ("a@x.example*b@y.example", Login(A, B)),
        ("a*c@x.example", Login(Address("a*c", "x.example"), None)),
        ("a*c@x.example*b@y.example", Login(Address("a*c", "x.example"), B)),
        ("a@x.example*", None),
        ("*b@y.example", Login(Address("*b", "y.example"), None)),
        ("a@x.example*b", None),
        ("a", None),
        ("", None),
    ],
)
def test_a_login_names_a_person_and_perhaps_a_post(text: str, want: Login | None) -> None:
    assert parse_login(text) == want


@given(st.text(max_size=60))
def test_no_text_breaks_it(text: str) -> None:
    for login in (text, f"a@x.example*{text}", f"{text}*b@y.example"):
        parse_login(login)
