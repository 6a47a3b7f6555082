"""One run of a script over one letter: what it has found out so far, what it has asked for, how much it has worked. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mailcore.sieve import limits
from mailcore.sieve.faults import Fault, Place, SieveError
from mailcore.sieve.letter import Letter
from mailcore.sieve.outcome import Action, Discard, FileInto, Keep, Mark, Outcome, Redirect, Reject, Vacation

STEP_CHARS = 512  # of text that are folded and searched for one unit of work

Command = Callable[["Run"], bool]  # says whether the script stops
Test = Callable[["Run"], bool]


class Surroundings(Protocol):
    """What a script may ask about the account."""

    def mailbox_exists(self, name: str) -> bool:
        """Say whether there is a mailbox of this name (RFC 5490 §3.1)."""
        ...

    def special_use_exists(self, use: str, mailbox: str | None) -> bool:
        """Say whether some mailbox, or this one, has a special use (RFC 8579 §3)."""
        ...

    def seen(self, mark: bytes) -> bool:
        """Say whether a mark is remembered (RFC 7352 §3)."""
        ...


class Nothing:
    """An account of which nothing is known."""

    def mailbox_exists(self, name: str) -> bool:
        """Say no."""
        return False

    def special_use_exists(self, use: str, mailbox: str | None) -> bool:
        """Say no."""
        return False

    def seen(self, mark: bytes) -> bool:
        """Say no."""
        return False


@dataclass(slots=True)
class Run:
    """The state of a run. Values of variables and matches are bounded, and so is `steps`."""

    letter: Letter
    now_us: int
    around: Surroundings
    zone_min: int = 0  # of the node, minutes east (RFC 5260 §4.1)
    variables: dict[str, str] = field(default_factory=dict)
    matches: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()  # the internal variable of RFC 5232 §2
    actions: list[Action] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    implicit_keep: bool = True
    steps: int = 0
    most_steps: int = limits.MAX_STEPS

    def work(self, chars: int = 0, steps: int = 1) -> None:
        """Count units of work, and those that looking at so many characters makes. Raises SieveError."""
        self.steps += steps + chars // STEP_CHARS
        if self.steps > self.most_steps:
            raise SieveError(Fault.TOO_LONG)

    def remember(self, found: Sequence[str]) -> None:
        """Take the values of a match for ${0}, ${1} … (RFC 5229 §3.2)."""
        self.matches = tuple(each[: limits.MAX_VARIABLE_CHARS] for each in found[: limits.MAX_MATCHES])

    def ask(self, action: Action, place: Place) -> None:
        """Add an action; the same one twice counts once (RFC 5228 §2.10.3). Raises SieveError for what cannot go together."""
        for at, other in enumerate(self.actions):
            if _is_same(action, other):
                self.actions[at] = action
                return
            _require_peace(action, other, place)
        self.actions.append(action)
        if len(self.actions) > limits.MAX_ACTIONS:
            raise SieveError(Fault.TOO_MANY_ACTIONS, place, limit=limits.MAX_ACTIONS)
        if sum(isinstance(each, Redirect) for each in self.actions) > limits.MAX_REDIRECTS:
            raise SieveError(Fault.TOO_MANY_REDIRECTS, place, limit=limits.MAX_REDIRECTS)

    def outcome(self) -> Outcome:
        """Return what the script decided, the implicit keep last when nothing cancelled it (RFC 5228 §2.10.2)."""
        actions = [action for action in self.actions if not isinstance(action, Discard)]
        if self.implicit_keep and not any(isinstance(action, Keep) for action in actions):
            actions.append(Keep(self.flags))
        return Outcome(tuple(actions), tuple(self.marks))


def _is_same(one: Action, other: Action) -> bool:
    match one, other:
        case (Keep(), Keep()) | (Discard(), Discard()):
            return True
        case FileInto(), FileInto():
            return (one.mailbox, one.special_use) == (other.mailbox, other.special_use)
        case Redirect(), Redirect():
            return one.address == other.address
    return False


_DELIVERS = (Keep, FileInto, Redirect)


def _require_peace(one: Action, other: Action, place: Place) -> None:
    """RFC 5429 §2.2.2: nothing that is refused is delivered, or answered; RFC 5230 §4.7: one absence notice."""
    kinds = {type(one), type(other)}
    clash = (Reject in kinds and (kinds & {*_DELIVERS, Vacation} or kinds == {Reject})) or kinds == {Vacation}
    if clash:
        raise SieveError(Fault.CONFLICT, place, name=type(one).__name__.lower(), other=type(other).__name__.lower())
