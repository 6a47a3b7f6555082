"""Whether somebody may perform an act: rights at every place it touches, and what rights alone cannot say."""

from dataclasses import dataclass, field
from typing import Any

from config.clock import DAY_US
from config.database import Tx
from directory import journal, resolve, rights
from directory.acts.act import Act, Rule, tag
from directory.errors import NotPermitted
from directory.rights import Actor, Chain, Held, Right, Scope

MAX_CLOSINGS_A_DAY = 100  # of one kind by one actor; more is a mass deletion, which a second person must want too


@dataclass(slots=True)
class Permits:
    """The rights of an actor, looked up once for a transaction that holds the journal's lock."""

    tx: Tx
    actor: Actor
    _roles: tuple[Held, ...] | None = None
    _chains: dict[Scope, Chain] = field(default_factory=dict)
    _passed: set[tuple[Right, Scope]] = field(default_factory=set)
    _closings: dict[str, int] = field(default_factory=dict)

    def check(self, rule: Rule[Any], act: Act, *, own: bool = True) -> Chain:
        """Let an act pass and return where it takes place; `own` lets pass whose own account it is. Raises NotPermitted, NotFound."""
        places = rule.where(self.tx, act)
        scopes = (places,) if isinstance(places, Scope) else places
        if not (own and self._is_own(rule, act)):
            for scope in scopes:
                self._require(rule.right, scope)
        for scope in scopes:
            self._refuse_closed(scope)
        rule.guard(self.tx, self.actor, act)
        return self._chain(scopes[0])

    def is_dangerous(self, rule: Rule[Any], act: Act) -> bool:
        """Say whether an act needs a second person. A closing is counted, so ask once for each act."""
        if rule.closes and self._count_closing(tag(act)) > MAX_CLOSINGS_A_DAY:
            return True
        return rule.two_persons(self.tx, self.actor, act)

    def _count_closing(self, name: str) -> int:
        if name not in self._closings:
            self._closings[name] = journal.count(self.tx, self.actor, [name], self.tx.now_us - DAY_US)
        self._closings[name] += 1
        return self._closings[name]

    def _require(self, right: Right, scope: Scope) -> None:
        if (right, scope) in self._passed:
            return
        if self._roles is None:
            self._roles = rights.held(self.tx, self.actor)
        if not rights.allows(self.actor, self._roles, right, self._chain(scope)):
            raise rights.refused(self.actor, right, scope)
        self._passed.add((right, scope))

    def _is_own(self, rule: Rule[Any], act: Act) -> bool:
        """Say whether an act is about the actor's own account, or one they hold; acting for a post, it must be that one."""
        account_id, person_id, post_id = rule.own(self.tx, act), self.actor.person_id, self.actor.on_behalf_of
        if account_id is None or person_id is None or post_id not in (None, account_id) or not rights.is_open(self.tx, person_id):
            return False
        return account_id == person_id or resolve.holds(self.tx, person_id, account_id, self.tx.now_us)

    def _chain(self, scope: Scope) -> Chain:
        if scope not in self._chains:
            self._chains[scope] = rights.chain(self.tx, scope)
        return self._chains[scope]

    def _refuse_closed(self, scope: Scope) -> None:
        place = self._chain(scope)
        if place.closed is not None:
            raise NotPermitted("this administration or unit is closed", scope=f"{place.closed.kind} {place.closed.id}")
        if place.origin:
            raise NotPermitted("this administration is kept by another node", scope=f"{scope.kind} {scope.id}", origin=place.origin)
