"""The mailboxes of a visitor: their own, those of the posts they hold, and the boxes of these posts' units."""

import pytest

from .site import Site

pytestmark = pytest.mark.asyncio(loop_scope="session")

MINISTER, BOX = "ministre@interieur.gov.example", "cabinet@interieur.gov.example"


@pytest.mark.parametrize(
    ("language", "name", "kind", "note"),
    [
        ("fr", "Cabinet", "Boîte du service", "Vous agissez pour le service"),
        ("ar", "الديوان", "صندوق الوحدة", "أنت تعمل باسم الوحدة:"),
        ("en", "Cabinet", "Unit mailbox", "You are acting for the unit:"),
    ],
)
async def test_a_units_box_is_shown_by_its_name_to_whoever_holds_a_post_there(
    site: Site, language: str, name: str, kind: str, note: str
) -> None:
    visitor = await site.signed_in(site.people[MINISTER], language)
    assert visitor.last is not None
    assert all(said in visitor.last.text for said in (MINISTER, BOX, kind))
    opened = await visitor.get(f"/mail/{await site.account(BOX)}/")
    assert opened.status_code == 200
    assert note in opened.text
    assert f"<strong><bdi>{name}</bdi></strong>" in opened.text


async def test_a_units_box_is_closed_to_others_of_the_ministry(site: Site) -> None:
    clerk = await site.signed_in(site.people["bureau.ordre@interieur.gov.example"])
    assert (await clerk.get(f"/mail/{await site.account(BOX)}/")).status_code == 404
