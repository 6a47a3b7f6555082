"""What pages are made of: icons that exist, styles that mirror, files that carry no secret."""

import re
from pathlib import Path

import pytest

from webmail import render, words
from webmail.writers import OPTIONS

HERE = Path(render.__file__).parent
TEMPLATES = {str(path.relative_to(HERE / "templates")): path.read_text("utf-8") for path in (HERE / "templates").rglob("*.html")}


def test_every_icon_exists() -> None:
    named = {
        name for text in TEMPLATES.values() for call in re.findall(r"icon\(([^)]*)\)", text) for name in re.findall(r'"([a-z0-9-]+)"', call)
    }
    named -= {"person"}
    assert len(named) > 30
    icons = {*words.ICONS.values(), *words.BOX_ICONS.values(), *words.TONE_ICONS.values(), *(one.icon for one in OPTIONS), "folder"}
    for name in named | icons:
        assert "<svg" in render.icon(name)


def test_styles_mirror_by_themselves() -> None:
    style = (HERE / "static" / "diwan.css").read_text("utf-8")
    assert not re.search(
        r"(?:margin|padding|border|inset)-(?:left|right)|(?:^|[;{\s])(?:left|right)\s*:|text-align\s*:\s*(?:left|right)|float\s*:", style
    )
    assert not re.search(r"url\(|@import|@font-face", style)  # no request beyond the sheet itself
    assert len(style) < 32_000


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_escape_and_hold_no_inline_code(name: str) -> None:
    text = TEMPLATES[name]
    assert "|safe" not in text
    assert not re.search(r"\son[a-z]+=|javascript:|\sstyle=", text)
    if name != "body.html":
        assert "<style" not in text


@pytest.mark.parametrize("name", ["diwan.js", "passkeys.js"])
def test_scripts_build_no_markup_from_text(name: str) -> None:
    script = (HERE / "static" / name).read_text("utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|new Function", script)
    assert len(script) < 15_000
