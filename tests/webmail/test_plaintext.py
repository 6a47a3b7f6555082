"""Plain text as a page: only our own tags come out, whatever goes in."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webmail import plaintext

LINK = '<a href="{0}" target="_blank" rel="noopener noreferrer nofollow" dir="ltr">{0}</a>'

P, Q = '<p dir="auto">', "</p>\n"
LINKED = r' href="https?://[^"<>]*" target="_blank" rel="[a-z ]*" dir="ltr"'
TAG = re.compile(rf'</?(?:p|br|blockquote|a)(?: dir="auto"|{LINKED})?>', re.IGNORECASE)


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("سلام\nعليكم\n\nBonjour", '<p dir="auto">سلام<br>\nعليكم</p>\n<p dir="auto">Bonjour</p>\n'),
        ("<script>alert(1)</script>", '<p dir="auto">&lt;script&gt;alert(1)&lt;/script&gt;</p>\n'),
        (
            "> a\n>> b\nc",
            '<blockquote><p dir="auto">a</p>\n<blockquote><p dir="auto">b</p>\n</blockquote></blockquote><p dir="auto">c</p>\n',
        ),
        ("voir https://x.example/a?b=1&c=2.", '<p dir="auto">voir ' + LINK.format("https://x.example/a?b=1&amp;c=2") + ".</p>\n"),
        ('a@a.co?]<img/src="x"/onerror=x>', '<p dir="auto">a@a.co?]&lt;img/src=&#34;x&#34;/onerror=x&gt;</p>\n'),
        (
            "[<script>x</script>] https://x.example",
            '<p dir="auto">[&lt;script&gt;x&lt;/script&gt;] ' + LINK.format("https://x.example") + "</p>\n",
        ),
        ("annexe\u202efdp.exe", '<p dir="auto">annexefdp.exe</p>\n'),
        ("javascript:alert(1)", '<p dir="auto">javascript:alert(1)</p>\n'),
        ("", ""),
    ],
)
def test_text_becomes_paragraphs(text: str, want: str) -> None:
    assert plaintext.render(text) == want


@given(st.text(alphabet=st.sampled_from("<>&\"'=/:ahtps .\n\r>javscript\u202e\u2067")) | st.text())
@settings(max_examples=150)
def test_only_our_tags_come_out(text: str) -> None:
    html = plaintext.render(text)
    for tag in re.findall(r"<[^>]*>", html):
        assert TAG.fullmatch(tag)
    assert html.count("<blockquote>") == html.count("</blockquote>")


@pytest.mark.parametrize(
    ("html", "want"),
    [
        ("<p>Un</p><p>Deux<br>trois</p>", "Un\n\nDeux\ntrois"),
        ("<style>p{}</style><script>x</script>a &amp; b &lt;c&gt;", "a & b <c>"),
        ("<ul><li>a</li><li>b</li></ul>", "a\n\nb"),
    ],
)
def test_a_page_becomes_text_for_quoting(html: str, want: str) -> None:
    assert plaintext.from_html(html) == want


def test_links_can_be_taken_out_of_what_is_rendered() -> None:
    text = '> https://a.example/?x=<a href="b">&y https://b.example'
    shown = plaintext.unlinked(plaintext.render(text))
    assert "href" not in shown.replace("href=&#34;b&#34;", "")
    assert "<a" not in shown
    assert "https://a.example/?x=&lt;a href=&#34;b&#34;&gt;&amp;y https://b.example" in shown
