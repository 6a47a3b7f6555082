"""The small nation of `world`, with two people in the first ministry."""

from dataclasses import dataclass

import pytest

from config.database import Database, Tx
from directory import people
from directory.address import parse
from directory.rights import Actor, Role, Scope

from . import world as nation
from .world import World


@dataclass(frozen=True, slots=True)
class Stage:
    """A database with the nation in it."""

    db: Database
    world: World

    async def holder(self, role: Role, scope: str, name: str = "holder") -> Actor:
        """Return somebody new who has a role in a scope."""
        return await self.db.write(nation.holder, self.world, role, scope, name)

    async def plain(self, place: str, name: str = "plain") -> Actor:
        """Return somebody new without a role."""
        return await self.db.write(_plain, self.world, place, name)

    def scope(self, name: str) -> Scope:
        """Return a place as a scope."""
        return nation.scope_of(self.world, name)


def _plain(tx: Tx, world: World, place: str, name: str) -> Actor:
    here = world[place]
    person = people.create(tx, name, name, parse(here.address(f"{name}.plain")), "fr", here.unit.unit_id)
    return Actor(name, person.person_id)


@pytest.fixture
async def stage(database: Database) -> Stage:
    """The nation, in a fresh database of each engine."""
    return Stage(database, await database.write(nation.build))
