"""Forms from elsewhere are refused, by their token and by where the browser says they come from."""

import pytest
from starlette.datastructures import Headers

from webmail import csrf

HERE = Headers({"host": "mx.example", "sec-fetch-site": "same-origin"})


def test_a_token_serves_its_cookie_and_never_looks_the_same() -> None:
    first, second = csrf.token("a"), csrf.token("a")
    assert first != second
    csrf.check("a", first, HERE)
    csrf.check("a", second, HERE)


OTHERS = {
    "empty": "",
    "not hexadecimal": "zz",
    "short": "00",
    "zeroes": "00" * 64,
    "of another cookie": csrf.token("b"),
    "cut": csrf.token("a")[:-2],
    "longer": csrf.token("a") + "00",
}


@pytest.mark.parametrize("given", OTHERS.values(), ids=OTHERS)
def test_other_tokens_are_refused(given: str) -> None:
    with pytest.raises(csrf.Forged):
        csrf.check("a", given, HERE)


@pytest.mark.parametrize(
    ("headers", "good"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "https://mx.example"}, False),
        ({"origin": "https://mx.example"}, True),
        ({"origin": "https://evil.example"}, False),
        ({"origin": "http://mx.example"}, False),
        ({"origin": "null"}, False),
        ({}, True),
    ],
)
def test_where_a_form_comes_from_decides(headers: dict[str, str], good: bool) -> None:
    sent = Headers({"host": "mx.example", **headers})
    if good:
        csrf.check("a", csrf.token("a"), sent)
        return
    with pytest.raises(csrf.Forged):
        csrf.check("a", csrf.token("a"), sent)


def test_without_a_cookie_nothing_is_genuine() -> None:
    with pytest.raises(csrf.Forged):
        csrf.check("", csrf.token(""), HERE)
