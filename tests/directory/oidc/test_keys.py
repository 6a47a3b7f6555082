"""Keys come into use after they were published, and go after their last token."""

import asyncio

import pytest

from config.clock import DAY_US, ManualClock
from config.database import Database
from directory.errors import NotFound
from directory.oidc import keys as module
from directory.oidc.errors import InvalidToken
from directory.oidc.keys import Keys
from tests.directory.oidc.conftest import KeyBox

pytestmark = pytest.mark.usefixtures("ministry")


@pytest.fixture
def keys(database: Database, clock: ManualClock) -> Keys:
    return Keys(database, clock, KeyBox())


async def kids(keys: Keys) -> list[str]:
    return [key["kid"] for key in (await keys.published())["keys"]]


async def test_the_first_key_is_made_once_however_many_ask(keys: Keys, database: Database) -> None:
    await asyncio.gather(*(keys.sign({"exp": 2**40}, "JWT") for _ in range(10)))
    assert len(await database.read(module.every)) == 1


async def test_the_next_key_is_published_before_it_signs(keys: Keys, clock: ManualClock) -> None:
    first = await kids(keys)
    clock.advance(88 * DAY_US)
    both = await kids(keys)
    assert both[0] == first[0]
    assert len(both) == 2
    token = await keys.sign({"exp": 2**40}, "JWT")
    assert (await keys.read(token, "JWT"))["exp"] == 2**40
    assert await header(token) == first[0]
    clock.advance(2 * DAY_US)
    assert await header(await keys.sign({"exp": 2**40}, "JWT")) == both[1]
    assert await kids(keys) == both  # tokens of the former one may be alive
    clock.advance(2 * DAY_US)
    assert await kids(keys) == both[1:]
    with pytest.raises(InvalidToken):
        await keys.read(token, "JWT")
    assert await keys.read(token, "JWT", however_old=True)


async def test_a_rotation_by_hand_keeps_what_was_signed(keys: Keys) -> None:
    token = await keys.sign({"exp": 2**40}, "JWT")
    key = await keys.rotate()
    assert await header(await keys.sign({"exp": 2**40}, "JWT")) == key.kid
    assert await keys.read(token, "JWT")


async def test_a_withdrawn_key_is_worth_nothing(keys: Keys) -> None:
    token = await keys.sign({"exp": 2**40}, "JWT")
    (kid,) = await kids(keys)
    await keys.withdraw(kid)
    assert kid not in await kids(keys)
    for old in (False, True):
        with pytest.raises(InvalidToken):
            await keys.read(token, "JWT", however_old=old)
    with pytest.raises(NotFound):
        await keys.withdraw(kid)


async def test_tokens_run_out(keys: Keys, clock: ManualClock) -> None:
    for end in (clock.now_us() // 1_000_000, 0, None, "never"):
        with pytest.raises(InvalidToken):
            await keys.read(await keys.sign({"exp": end}, "JWT"), "JWT")


async def header(token: str) -> str:
    from directory.oidc import jose

    return str(jose.header(token)["kid"])
