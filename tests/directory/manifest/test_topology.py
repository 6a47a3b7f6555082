import pytest

from config.database import Database, Tx
from directory.errors import BadEntry, NotFound
from directory.manifest import topology
from directory.manifest.topology import Node


def made(tx: Tx, name: str = "setif", *domains: str, **changes: object) -> Node:
    values: dict[str, object] = {
        "organisation_id": 7,
        "site_class": "online",
        "hostname": f"mx.{name}.example",
        "smtp": "mx.setif.example:25",
        "https": "mx.setif.example:443",
        "key_sha256": bytes(32),
    }
    return topology.add(tx, name, **(values | changes), domains=domains)  # type: ignore[arg-type]


async def test_the_mail_of_a_domain_goes_to_its_node(database: Database) -> None:
    node = await database.write(made, "setif", "Commune.Setif.example", "école.example")
    assert await database.read(topology.of_domain, "commune.setif.example") == node
    assert await database.read(topology.of_domain, "xn--cole-9oa.example") == node
    assert await database.read(topology.of_domain, "setif.example") is None


async def test_a_domain_has_one_node(database: Database) -> None:
    await database.write(made, "setif", "a.example")
    with pytest.raises(BadEntry, match=r"node setif already"):
        await database.write(made, "oran", "a.example")
    assert len(await database.read(topology.nodes)) == 1


async def test_a_revoked_node_stays_on_record_with_its_reason(database: Database) -> None:
    node = await database.write(made, "setif", "a.example")
    await database.write(topology.revoke, node.node_id, "stolen")
    found = await database.read(topology.of_domain, "a.example")
    assert found is not None
    assert (found.revoked_us is not None, found.reason) == (True, "stolen")
    with pytest.raises(NotFound):
        await database.write(topology.revoke, node.node_id, "again")


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Sétif"},
        {"name": ""},
        {"site_class": "moon"},
        {"hostname": "a b"},
        {"smtp": "mx"},
        {"https": "x:99999"},
        {"key_sha256": b"1"},
    ],
)
async def test_what_is_no_node_is_refused(database: Database, changes: dict[str, object]) -> None:
    with pytest.raises(BadEntry):
        await database.write(lambda tx: made(tx, **({"name": "setif"} | changes)))


async def test_a_topology_travels_as_a_part(database: Database) -> None:
    one = await database.write(made, "setif", "a.example", "b.example")
    await database.write(made, "oran", "c.example")
    await database.write(topology.revoke, one.node_id, "stolen")
    part = await database.read(topology.encode)
    await database.write(topology.replace, part)
    assert await database.read(topology.encode) == part
