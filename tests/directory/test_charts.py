"""Charts: units below units with their posts and holders, as far as the viewer may see, and never more than there is room for."""

import pytest

from config.database import Database, Tx
from directory import charts, organisations, posts, units, visibility
from directory.charts import Branch
from directory.errors import NotFound
from directory.visibility import ENTRY, NATION
from tests.directory.conftest import Ministry, address


def grow(tx: Tx, ministry: Ministry) -> tuple[int, int]:
    """Put two units below the registry, the second led by somebody higher; return their ids."""
    made = [units.create(tx, ministry.organisation.organisation_id, code, code, code, ministry.unit.unit_id).unit_id for code in ("A", "B")]
    for unit_id, rank, local in zip(made, (40, 10), ("a", "b"), strict=True):
        posts.create(tx, unit_id, local, local, address(f"head.{local}"), rank)
    return made[0], made[1]


def codes(branch: Branch) -> object:
    return branch.unit.code, [codes(one) for one in branch.branches]


async def test_units_hang_below_units_the_higher_ranked_first(database: Database, ministry: Ministry) -> None:
    await database.write(grow, ministry)
    drawn = await database.read(charts.chart, NATION, ministry.organisation.organisation_id)
    assert [codes(one) for one in drawn.branches] == [("BO", [("B", []), ("A", [])])]
    [root] = drawn.branches
    assert [one.account_id for one in root.posts] == [ministry.registry.post_id]
    assert [one.person_id for one in root.posts[0].holders] == [ministry.amina.person_id]
    assert drawn.whole
    assert not root.cut


async def test_a_unit_is_a_chart_of_its_own_within_its_administration(database: Database, ministry: Ministry) -> None:
    a, _ = await database.write(grow, ministry)
    drawn = await database.read(charts.chart, NATION, ministry.organisation.organisation_id, a)
    assert [codes(one) for one in drawn.branches] == [("A", [])]
    other = await database.write(organisations.create, "ministry", "sante", "الصحة", "Santé")
    with pytest.raises(NotFound):
        await database.read(charts.chart, NATION, other.organisation_id, a)


async def test_a_hidden_unit_is_left_out_with_all_below_it(database: Database, ministry: Ministry) -> None:
    a, _ = await database.write(grow, ministry)
    await database.write(visibility.set, a, ENTRY, "nobody")
    drawn = await database.read(charts.chart, NATION, ministry.organisation.organisation_id)
    assert [codes(one) for one in drawn.branches] == [("BO", [("B", [])])]
    await database.write(visibility.set, ministry.unit.unit_id, ENTRY, "nobody")
    assert (await database.read(charts.chart, NATION, ministry.organisation.organisation_id)).branches == ()


async def test_what_has_no_room_is_said_to_be_there(database: Database, ministry: Ministry, monkeypatch: pytest.MonkeyPatch) -> None:
    await database.write(grow, ministry)
    monkeypatch.setattr(charts, "MAX_UNITS", 2)
    [root] = (await database.read(charts.chart, NATION, ministry.organisation.organisation_id)).branches
    assert root.cut
    assert len(root.branches) == 1
    monkeypatch.setattr(charts, "MAX_POSTS", 1)
    assert not (await database.read(charts.chart, NATION, ministry.organisation.organisation_id)).whole


async def test_a_path_leads_from_the_top_down(database: Database, ministry: Ministry) -> None:
    a, _ = await database.write(grow, ministry)
    found = await database.read(charts.path, ministry.organisation.organisation_id, a)
    assert [one.code for one in found.organisations] == ["interieur"]
    assert [one.code for one in found.units] == ["BO", "A"]
    assert await database.read(charts.path, None) == charts.Path((), ())
