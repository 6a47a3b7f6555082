"""What the manifest's door says to whoever is no node."""

import pytest

from tests.webmail.site import Site

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/manifest/bucket/1", 401),
        ("/manifest/changes?since=0&until=1", 401),
        (f"/manifest/bucket/{'9' * 5000}", 404),
        ("/manifest/part/x", 404),
    ],
)
async def test_nobody_but_a_node_is_told_of_entries(site: Site, path: str, status: int) -> None:
    assert (await site.visitor().client.get(path)).status_code == status


@pytest.mark.parametrize("token", ["", "a.b.c", "a", "é", "." * 2000])
async def test_what_is_no_badge_is_refused(site: Site, token: str) -> None:
    answer = await site.visitor().client.get("/manifest/bucket/1", headers={"authorization": f"Bearer {token}".encode()})
    assert answer.status_code in (400, 401)
