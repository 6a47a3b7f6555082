"""Looking people up, cards, charts and the history of posts, as visitors see them."""

import re

import pytest

from config.clock import DAY_US
from config.database import Tx
from directory import attributes, favourites, holdings, posts, visibility
from directory.address import parse
from directory.demo import FeaturedPerson
from tests.webmail.site import EDUCATION, INTERIOR, Site, Visitor
from webmail.times import day_of

pytestmark = pytest.mark.asyncio(loop_scope="session")


def said(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.partition("<main")[2]).split())


def vacancy(tx: Tx, near: int) -> int:
    """Make a post that nobody holds yet, beside another one."""
    local = f"vacant{tx.now_us}@interieur.gov.example"
    return posts.create(tx, posts.find(tx, near).unit_id, "منصب شاغر", "Poste à pourvoir", parse(local)).post_id


async def test_what_is_typed_is_found_in_either_script_and_can_be_written_to(site: Site, visitor: Visitor, clerk: FeaturedPerson) -> None:
    for query in (clerk.name, clerk.name_ar):
        page = (await visitor.get(f"/directory?q={query}")).text
        assert clerk.name in page
        assert clerk.name_ar in page
        assert f'href="/directory/{clerk.person_id}"' in page
        assert clerk.address.replace("@", "%40") in page
    assert "Nobody in the directory matches." in (await visitor.get("/directory?q=xyzxyzxyz")).text


async def test_whoever_is_hidden_is_neither_found_nor_shown_nor_kept(site: Site, visitor: Visitor) -> None:
    other = site.people[EDUCATION]
    await site.services.db.write(visibility.set, other.person_id, visibility.ENTRY, "nobody")
    try:
        assert f'href="/directory/{other.person_id}"' not in (await visitor.get(f"/directory?q={other.name}")).text
        assert (await visitor.get(f"/directory/{other.person_id}")).status_code == 404
        await visitor.get("/directory")
        answer = await visitor.post(f"/directory/{other.person_id}/favourite", {"back": "/directory", "action": "add"})
        assert answer.status_code == 404
        post = await site.account(EDUCATION)
        page = said((await visitor.get(f"/directory/{post}/history")).text)
        assert other.name not in page
        assert "Name not shown" in page
        assert "Vacant" not in said((await visitor.get(f"/directory/{post}")).text)
    finally:
        await site.services.db.write(visibility.set, other.person_id, visibility.ENTRY, None)


async def test_a_card_shows_what_its_reader_may_see(site: Site, visitor: Visitor, clerk: FeaturedPerson) -> None:
    other = site.people[EDUCATION]
    facts = {"phone": "+213 21 00 00 01", "mobile": "+213 661 00 00 02", "room": "B 214"}
    for one in (clerk, other):
        await site.services.db.write(attributes.set, one.person_id, facts)
    own = said((await visitor.get(f"/directory/{clerk.person_id}")).text)
    assert all(value in own for value in facts.values())
    page = said((await visitor.get(f"/directory/{other.person_id}")).text)
    assert facts["phone"] in page
    assert facts["mobile"] not in page
    assert facts["room"] not in page


async def test_a_post_says_who_holds_it_since_when_and_by_which_decision_or_that_it_is_vacant(
    site: Site, visitor: Visitor, clerk: FeaturedPerson
) -> None:
    post = await site.account(INTERIOR)
    page = said((await visitor.get(f"/directory/{post}")).text)
    assert clerk.name in page
    assert "titular since" in page
    assert "Decision:" in page
    empty = await site.services.db.write(vacancy, post)
    assert "Nobody holds this post at the moment" in said((await visitor.get(f"/directory/{empty}")).text)
    await site.services.db.write(visibility.set, empty, "holders", "nobody")
    page = said((await visitor.get(f"/directory/{empty}")).text)
    assert "Who holds this post is not shown to you." in page
    assert (await visitor.get(f"/directory/{empty}/history")).status_code == 404


async def test_the_history_of_a_post_answers_for_a_day(site: Site, visitor: Visitor, clerk: FeaturedPerson) -> None:
    post, now = await site.services.db.write(vacancy, await site.account(INTERIOR)), site.clock.now_us()
    before = site.people[EDUCATION]

    def succession(tx: Tx) -> None:
        holdings.start(tx, post, before.person_id, "interim", valid_from_us=now - 900 * DAY_US, valid_to_us=now - 400 * DAY_US)
        holdings.start(tx, post, clerk.person_id, valid_from_us=now - 400 * DAY_US, decision_ref="D-77")

    await site.services.db.write(succession)
    page = said((await visitor.get(f"/directory/{post}/history")).text)
    assert page.index(clerk.name) < page.index(before.name)
    assert "D-77" in page
    for days, there in ((600, before.name), (100, clerk.name)):
        page = said((await visitor.get(f"/directory/{post}/history?on={day_of(now - days * DAY_US)}")).text)
        assert there in page.partition("From the latest")[0]
    page = said((await visitor.get(f"/directory/{post}/history?on={day_of(now - 2000 * DAY_US)}")).text)
    assert "Nobody held it." in page
    assert "This is not a day." in (await visitor.get(f"/directory/{post}/history?on=yesterday")).text
    assert (await visitor.get(f"/directory/{clerk.person_id}/history")).status_code == 404


async def test_a_star_keeps_an_entry_and_takes_it_out(site: Site, visitor: Visitor, clerk: FeaturedPerson) -> None:
    post = await site.account(EDUCATION)
    await visitor.get(f"/directory/{post}")
    page = (await visitor.post(f"/directory/{post}/favourite", {"back": f"/directory/{post}", "action": "add"})).text
    assert "It is among your favourites." in page
    assert post in await site.services.db.read(favourites.of, clerk.person_id)
    assert EDUCATION in (await visitor.get("/directory")).text
    await visitor.post(f"/directory/{post}/favourite", {"back": "//elsewhere.example", "action": "remove"})
    assert visitor.path.startswith("/mail/")
    assert post not in await site.services.db.read(favourites.of, clerk.person_id)


async def test_a_chart_draws_units_below_units_with_posts_and_holders(site: Site, visitor: Visitor, clerk: FeaturedPerson) -> None:
    post = await site.account(INTERIOR)
    empty = await site.services.db.write(vacancy, post)
    page = (await visitor.get(f"/directory/{post}")).text
    path = re.findall(r"/directory/administrations/\d+\b(?!\?)", page)[-1]
    page = (await visitor.get(path)).text
    assert re.search(rf'<details open>.*<details open>.*href="/directory/{post}"', page, re.DOTALL)
    assert clerk.name in page
    assert re.search(rf'href="/directory/{empty}"(?:(?!</li>).)*Vacant', page, re.DOTALL)
    unit_id = (await site.services.db.read(posts.find, post)).unit_id
    page = (await visitor.get(f"{path}?unit={unit_id}")).text
    assert page.count("<details") - page.count('<details class="accounts"') == 1
    await site.services.db.write(visibility.set, unit_id, visibility.ENTRY, "nobody")
    try:
        assert f'href="/directory/{post}"' not in (await visitor.get(path)).text.replace("/history", "")
    finally:
        await site.services.db.write(visibility.set, unit_id, visibility.ENTRY, None)
    elsewhere = (await site.services.db.read(posts.find, await site.account(EDUCATION))).unit_id
    for wrong in (f"{path}?unit={elsewhere}", "/directory/administrations/999999999"):
        assert (await visitor.get(wrong)).status_code == 404


@pytest.mark.parametrize(("language", "direction"), [("ar", "rtl"), ("fr", "ltr")])
async def test_what_is_said_is_said_in_the_language_of_the_reader(site: Site, clerk: FeaturedPerson, language: str, direction: str) -> None:
    visitor = await site.signed_in(clerk, language)
    page = (await visitor.post(f"/loans/{clerk.person_id}", {"to": "zzzz", "reading": "read"})).text
    assert f'dir="{direction}"' in page
    assert {"ar": "سمّ شخصا", "fr": "Indiquez une personne"}[language] in page
    page = (await visitor.get("/directory?q=bureau")).text
    assert {"ar": "كتابة", "fr": "Écrire"}[language] in page
