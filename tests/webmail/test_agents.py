"""Browsers by the names that people know."""

import pytest

from webmail import agents

GECKO, KIT = "Mozilla/5.0 ({}; rv:140.0) Gecko/20100101 Firefox/140.0", "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) {}"


@pytest.mark.parametrize(
    ("user_agent", "want"),
    [
        (GECKO.format("Windows NT 10.0; Win64; x64"), "Firefox · Windows"),
        (KIT.format("X11; Linux x86_64", "Chrome/140.0.0.0 Safari/537.36"), "Chrome · Linux"),
        (KIT.format("Windows NT 10.0", "Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0"), "Edge · Windows"),
        (KIT.format("Linux; Android 15; K", "SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36"), "Samsung Internet · Android"),
        (KIT.format("iPhone; CPU iPhone OS 18_0 like Mac OS X", "Version/18.0 Mobile/15E148 Safari/604.1"), "Safari · iPhone"),
        ("curl/8.5.0", ""),
        ("", ""),
        ("<script>Firefox/", "Firefox"),
    ],
)
def test_browser_and_system_are_named(user_agent: str, want: str) -> None:
    assert agents.named(user_agent) == want
