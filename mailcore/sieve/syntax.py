"""From tokens to a tree: commands, tests, arguments. Pure. RFC 5228 §8.2."""

from collections.abc import Iterator
from dataclasses import dataclass

from mailcore.sieve import limits
from mailcore.sieve.faults import Fault, Place, SieveError
from mailcore.sieve.lexer import Source, Token, tokens


@dataclass(frozen=True, slots=True)
class Number:
    """A number, its quantifier applied."""

    value: int
    place: Place


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag without its colon, in lower case."""

    name: str
    place: Place


@dataclass(frozen=True, slots=True)
class Strings:
    """A string list; a string alone is a list of one (RFC 5228 §2.4.2.1), `is_list` says whether it had brackets."""

    values: tuple[str, ...]
    places: tuple[Place, ...]
    is_list: bool
    place: Place


Argument = Number | Tag | Strings


@dataclass(frozen=True, slots=True)
class Node:
    """A command or a test: its name in lower case, what follows it. `block` is None where there are no braces.

    `listed` says that its tests stood in parentheses (RFC 5228 §2.9: a test and a list of tests are not the same).
    """

    name: str
    arguments: tuple[Argument, ...]
    tests: tuple["Node", ...]
    block: tuple["Node", ...] | None
    place: Place
    listed: bool = False


def parse(octets: bytes) -> tuple[Node, ...]:
    """Return the commands of a script. Raises SieveError, whatever the octets."""
    return _Parser(Source(octets)).script()


class _Parser:
    """Holds the next token; nesting is bounded, so recursion is."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._tokens: Iterator[Token] = tokens(source)
        self._next = next(self._tokens)
        self._line, self._line_start, self._seen = 1, 0, 0

    def script(self) -> tuple[Node, ...]:
        commands = []
        while self._next.kind != "end":
            commands.append(self._command(0))
        return tuple(commands)

    def _command(self, depth: int) -> Node:
        word = self._take("word", "a command")
        place = self._place(word)
        listed, arguments, tests = self._arguments()
        block = None
        if self._is_mark("{"):
            block = self._block(depth + 1)
        else:
            self._mark(";", "a semicolon or a block")
        return Node(word.text, arguments, tests, block, place, listed)

    def _block(self, depth: int) -> tuple[Node, ...]:
        self._require_shallow(depth)
        self._mark("{", "{")
        commands = []
        while not self._is_mark("}"):
            commands.append(self._command(depth))
        self._mark("}", "}")
        return tuple(commands)

    def _arguments(self, depth: int = 0) -> tuple[bool, tuple[Argument, ...], tuple[Node, ...]]:
        found: list[Argument] = []
        while True:
            token = self._next
            if token.kind == "number":
                found.append(Number(token.number, self._place(self._advance())))
            elif token.kind == "tag":
                found.append(Tag(token.text, self._place(self._advance())))
            elif token.kind == "string":
                place = self._place(self._advance())
                found.append(Strings((token.text,), (place,), False, place))
            elif self._is_mark("["):
                found.append(self._list())
            else:
                break
        return self._is_mark("("), tuple(found), self._tests(depth + 1)

    def _list(self) -> Strings:
        opening = self._place(self._next)
        values, places = [], []
        mark = "["
        while self._is_mark(mark):
            self._advance()
            token = self._take("string", "a text in quotation marks")
            values.append(token.text)
            places.append(self._place(token))
            if len(values) > limits.MAX_LIST:
                raise SieveError(Fault.LONG_LIST, places[-1], limit=limits.MAX_LIST)
            mark = ","
        self._mark("]", "]")
        return Strings(tuple(values), tuple(places), True, opening)

    def _tests(self, depth: int) -> tuple[Node, ...]:
        if self._next.kind == "word":
            return (self._test(depth),)
        found: list[Node] = []
        mark = "("
        while self._is_mark(mark):
            self._advance()
            found.append(self._test(depth))
            mark = ","
        if found:
            self._mark(")", ")")
        return tuple(found)

    def _test(self, depth: int) -> Node:
        self._require_shallow(depth)
        word = self._take("word", "a test")
        place = self._place(word)
        listed, arguments, tests = self._arguments(depth)
        return Node(word.text, arguments, tests, None, place, listed)

    def _require_shallow(self, depth: int) -> None:
        if depth > limits.MAX_NESTING:
            raise SieveError(Fault.TOO_DEEP, self._place(self._next), limit=limits.MAX_NESTING)

    def _is_mark(self, mark: str) -> bool:
        return self._next.kind == "mark" and self._next.text == mark

    def _mark(self, mark: str, expected: str) -> None:
        if not self._is_mark(mark):
            self._refuse(expected)
        self._advance()

    def _take(self, kind: str, expected: str) -> Token:
        if self._next.kind != kind:
            self._refuse(expected)
        return self._advance()

    def _advance(self) -> Token:
        token = self._next
        if token.kind != "end":
            self._next = next(self._tokens)
        return token

    def _refuse(self, expected: str) -> None:
        token = self._next
        found = {"end": "the end of the script", "string": "a text", "tag": f":{token.text}"}.get(token.kind, token.text)
        raise SieveError(Fault.EXPECTED, self._place(token), expected=expected, found=found)

    def _place(self, token: Token) -> Place:
        """Return where a token stands; tokens are asked for nearly in order, so lines are counted once."""
        if token.at < self._seen:
            return self._source.place(token.at)
        text = self._source.text
        self._line += text.count("\n", self._seen, token.at)
        self._line_start = max(self._line_start, text.rfind("\n", self._seen, token.at) + 1)
        self._seen = token.at
        return Place(self._line, token.at - self._line_start + 1)
