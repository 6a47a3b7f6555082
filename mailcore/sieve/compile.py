"""From a script to functions: once, when it is stored or first used. Pure.

RFC 5228 §3 (if, require, stop), §5.2, §5.3, §5.8 (allof, anyof, not). What `require` may name is EXTENSIONS.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mailcore.sieve import limits
from mailcore.sieve.arguments import Arguments, Shape, require
from mailcore.sieve.commands import COMMANDS
from mailcore.sieve.comparators import COMPARATORS
from mailcore.sieve.conditions import TESTS
from mailcore.sieve.faults import Fault, Place, SieveError
from mailcore.sieve.letter import Letter
from mailcore.sieve.outcome import Outcome
from mailcore.sieve.run import Command, Nothing, Run, Surroundings, Test
from mailcore.sieve.scope import Scope
from mailcore.sieve.syntax import Node, parse

EXTENSIONS = (
    *("fileinto", "reject", "ereject", "envelope", "encoded-character", "copy", "body", "imap4flags", "relational", "subaddress"),
    *("variables", "vacation", "vacation-seconds", "mailbox", "special-use", "date", "index", "duplicate"),
    *(f"comparator-{name}" for name in COMPARATORS),
)
_SILENT = frozenset(("comparator-i;octet", "comparator-i;ascii-casemap"))  # RFC 5228 §2.7.3: there anyway, not announced


def announced() -> tuple[str, ...]:
    """Return the extensions as servers announce them (RFC 5804 §1.7)."""
    return tuple(name for name in EXTENSIONS if name not in _SILENT)


@dataclass(frozen=True, slots=True)
class Script:
    """A compiled script; `needs_body` and `asks` say what a run will want to know, `redirects` whom it sends letters on to.

    An address that a letter makes is not among them.
    """

    commands: tuple[Command, ...]
    needs_body: bool
    asks: bool
    redirects: tuple[tuple[str, Place], ...] = ()

    def run(
        self, letter: Letter, now_us: int, around: Surroundings | None = None, zone_min: int = 0, *, most_steps: int = limits.MAX_STEPS
    ) -> Outcome:
        """Return what is to be done with a letter. Raises SieveError when the script cannot go on, or takes too long."""
        state = Run(letter, now_us, around or Nothing(), zone_min, most_steps=most_steps)
        _carry(self.commands, state)
        return state.outcome()


def compile(octets: bytes) -> Script:
    """Compile a script. Raises SieveError, whatever the octets."""
    scope = Scope()
    nodes = parse(octets)
    body = _require(scope, nodes)
    commands = _block(scope, body)
    return Script(commands, scope.needs_body, scope.asks, tuple(scope.redirects))


def _carry(commands: Sequence[Command], run: Run) -> bool:
    for command in commands:
        run.work()
        if command(run):
            return True
    return False


def _require(scope: Scope, nodes: Sequence[Node]) -> Sequence[Node]:
    """Take the require commands, which stand before all others (RFC 5228 §3.2)."""
    required: set[str] = set()
    at = 0
    while at < len(nodes) and nodes[at].name == "require":
        given = Arguments(nodes[at], Shape(("strings",)), frozenset())
        _require_plain(nodes[at])
        for name, place in scope.constants(given.strings(0)):
            if name not in EXTENSIONS:
                raise SieveError(Fault.UNKNOWN_EXTENSION, place, name=f'"{name}"')
            required.add(name)
        at += 1
    scope.required = frozenset(required)
    return nodes[at:]


def _block(scope: Scope, nodes: Sequence[Node]) -> tuple[Command, ...]:
    commands: list[Command] = []
    at = 0
    while at < len(nodes):
        node = nodes[at]
        at += 1
        if node.name == "if":
            branches = [node]
            while at < len(nodes) and nodes[at].name in ("elsif", "else") and branches[-1].name != "else":
                branches.append(nodes[at])
                at += 1
            commands.append(_if(scope, branches))
        else:
            commands.append(_command(scope, node))
    return tuple(commands)


def _if(scope: Scope, branches: Sequence[Node]) -> Command:
    """RFC 5228 §3.1."""
    ready = [(_branch_test(scope, node), _branch_block(scope, node)) for node in branches]

    def act(run: Run) -> bool:
        for test, commands in ready:
            if test(run):
                return _carry(commands, run)
        return False

    return act


def _branch_test(scope: Scope, node: Node) -> Test:
    Arguments(node, Shape(), scope.required)
    if node.name == "else":
        if node.tests:
            raise SieveError(Fault.STRAY_TEST, node.tests[0].place, name="else")
        return _true
    return _test(scope, _only_test(node))


def _only_test(node: Node) -> Node:
    """Return the one test of if, elsif or not, which stands without parentheses."""
    if len(node.tests) != 1 or node.listed:
        raise SieveError(Fault.NEEDS_TEST, node.place, name=node.name)
    return node.tests[0]


def _branch_block(scope: Scope, node: Node) -> tuple[Command, ...]:
    if node.block is None:
        raise SieveError(Fault.NO_BLOCK, node.place, name=node.name)
    return _block(scope, node.block)


def _command(scope: Scope, node: Node) -> Command:
    known = COMMANDS.get(node.name)
    if known is None:
        raise SieveError(_WRONG_PLACE.get(node.name, Fault.UNKNOWN_COMMAND), node.place, name=node.name)
    shape, build = known
    require(shape.needs, scope.required, node.name, node.place)
    _require_plain(node)
    return build(scope, Arguments(node, shape, scope.required))


_WRONG_PLACE = {"require": Fault.LATE_REQUIRE, "elsif": Fault.ELSE_ALONE, "else": Fault.ELSE_ALONE}


def _require_plain(node: Node) -> None:
    """Refuse a test or a block where none belongs."""
    if node.tests:
        raise SieveError(Fault.STRAY_TEST, node.tests[0].place, name=node.name)
    if node.block is not None:
        raise SieveError(Fault.STRAY_BLOCK, node.place, name=node.name)


def _test(scope: Scope, node: Node) -> Test:
    combine = _COMBINED.get(node.name)
    if combine is not None:
        Arguments(node, Shape(), scope.required)
        return combine(scope, node)
    known = TESTS.get(node.name)
    if known is None:
        raise SieveError(Fault.UNKNOWN_TEST, node.place, name=node.name)
    shape, build = known
    require(shape.needs, scope.required, node.name, node.place)
    if node.tests:
        raise SieveError(Fault.STRAY_TEST, node.tests[0].place, name=node.name)
    return _counted(build(scope, Arguments(node, shape, scope.required)))


def _counted(test: Test) -> Test:
    def counted(run: Run) -> bool:
        run.work()
        return test(run)

    return counted


def _true(run: Run) -> bool:
    return True


def _constant(value: bool) -> Callable[[Scope, Node], Test]:
    def build(scope: Scope, node: Node) -> Test:
        if node.tests:
            raise SieveError(Fault.STRAY_TEST, node.tests[0].place, name=node.name)
        return lambda run: value

    return build


def _not(scope: Scope, node: Node) -> Test:
    test = _test(scope, _only_test(node))
    return lambda run: not test(run)


def _several(join: Callable[..., bool]) -> Callable[[Scope, Node], Test]:
    """Return what compiles allof or anyof: tests from left to right, no more of them than needed (RFC 5228 §5.2, §5.3)."""

    def build(scope: Scope, node: Node) -> Test:
        if not node.listed:
            raise SieveError(Fault.NEEDS_TESTS, node.place, name=node.name)
        tests = [_test(scope, each) for each in node.tests]
        return lambda run: join(test(run) for test in tests)

    return build


_COMBINED: Mapping[str, Callable[[Scope, Node], Test]] = {
    "allof": _several(all),
    "anyof": _several(any),
    "not": _not,
    "true": _constant(True),
    "false": _constant(False),
}
__all__ = ["EXTENSIONS", "Script", "announced", "compile"]
