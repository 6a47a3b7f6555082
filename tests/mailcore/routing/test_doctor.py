import msgspec

from config.settings import Routing
from directory import domains
from directory.manifest import topology
from mailcore.routing import doctor
from tests.mailcore.certificates import certified
from tests.mailcore.queue import node
from tests.mailcore.routing.test_policy import OURS, nation


def settings(folder, **more):
    return msgspec.structs.replace(node.settings(folder), tls=certified(folder), routing=Routing(**more))


async def test_without_a_topology_there_is_nothing_to_say(database, tmp_path):
    [(_, ok, said)] = await database.read(doctor.look, settings(tmp_path))
    assert ok
    assert "by MX" in said


async def test_a_node_that_is_not_in_the_topology_and_a_missing_gateway_are_told(database, tmp_path):
    await database.write(nation)
    await database.write(domains.let_outside, OURS, "allow")
    found = {check: (ok, said) for check, ok, said in await database.read(doctor.look, settings(tmp_path, ca=tmp_path / "none"))}
    assert not found["topology"][0]
    assert not found["routing.ca"][0]
    assert not found["outside"][0]
    assert f"{OURS}: allowed" in found["outside"][1]
    gate = await database.read(topology.by_name, "gate")
    await database.write(topology.open_gateway, gate.node_id, gateway=True)
    found = {check: ok for check, ok, _ in await database.read(doctor.look, settings(tmp_path))}
    assert found == {"topology": False, "outside": True}
