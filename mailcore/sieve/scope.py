"""What compiling knows: the extensions a script required, what it will need at run time; strings made ready. Pure."""

from collections.abc import Sequence

from mailcore.sieve import limits
from mailcore.sieve.arguments import Arguments, Tagged, require
from mailcore.sieve.comparators import COMPARATORS, DEFAULT
from mailcore.sieve.faults import Fault, Place, SieveError
from mailcore.sieve.matching import RELATIONS, How
from mailcore.sieve.strings import IS_NAME, Template, decoded, template
from mailcore.sieve.syntax import Strings

MATCH = {
    "is": Tagged("", "match"),
    "contains": Tagged("", "match"),
    "matches": Tagged("", "match"),
    "count": Tagged("string", "match", "relational"),
    "value": Tagged("string", "match", "relational"),
    "comparator": Tagged("string"),
}
_AS_IS = frozenset(("i;octet", "i;ascii-casemap"))  # RFC 5228 §2.7.3: there without a require


class Scope:
    """One script while it is compiled."""

    def __init__(self) -> None:
        self.required: frozenset[str] = frozenset()
        self.needs_body = self.asks = False  # whether runs read the body, and ask about the account
        self.variables: set[str] = set()
        self.redirects: list[tuple[str, Place]] = []  # addresses that are known now

    @property
    def has_variables(self) -> bool:
        """Say whether strings are looked through for variables."""
        return "variables" in self.required

    def text(self, value: str, place: Place) -> str:
        """Return a string with encoded characters replaced, if the script asks for that."""
        return decoded(value, place) if "encoded-character" in self.required else value

    def templates(self, strings: Strings) -> list[Template]:
        """Return strings with what may stand in them."""
        pairs = zip(strings.values, strings.places, strict=True)
        return [template(self.text(value, place), place, variables=self.has_variables) for value, place in pairs]

    def template(self, strings: Strings) -> Template:
        """Return the first string."""
        return self.templates(strings)[0]

    def constants(self, strings: Strings) -> list[tuple[str, Place]]:
        """Return strings that must be known now. Raises SieveError where a variable stands."""
        found = []
        for each in self.templates(strings):
            if each.constant is None:
                raise SieveError(Fault.VARIABLE_HERE, each.place)
            found.append((each.constant, each.place))
        return found

    def constant(self, strings: Strings) -> tuple[str, Place]:
        """Return the first string as `constants` does."""
        return self.constants(strings)[0]

    def how(self, given: Arguments) -> How:
        """Return the match type and the comparator that a test was given (RFC 5228 §2.7). Raises SieveError."""
        kind = given.group("match", "is")
        relation = ""
        if kind in ("count", "value"):
            relation, place = self.constant(_given(given, kind))
            relation = relation.lower()
            if relation not in RELATIONS:
                raise SieveError(Fault.BAD_RELATION, place, name=relation)
        name, place = DEFAULT, given.place
        if given.has("comparator"):
            name, place = self.constant(_given(given, "comparator"))
        comparator = COMPARATORS.get(name)
        if comparator is None:
            raise SieveError(Fault.UNKNOWN_COMPARATOR, place, name=name)
        if name not in _AS_IS:
            require(f"comparator-{name}", self.required, name, place)
        if not comparator.parts and kind in ("contains", "matches"):
            raise SieveError(Fault.BAD_COMPARATOR, place, name=name, tag=f":{kind}")
        return How(kind, relation, comparator, self.has_variables)

    def variable(self, strings: Strings) -> str:
        """Return the name of a variable that is written to. Raises SieveError."""
        name, place = self.constant(strings)
        if not IS_NAME.fullmatch(name) or len(name) > limits.MAX_VARIABLE_NAME:
            raise SieveError(Fault.BAD_NAMESPACE if "." in name else Fault.BAD_VARIABLE, place, name=name)
        self.variables.add(name.lower())
        if len(self.variables) > limits.MAX_VARIABLES:
            raise SieveError(Fault.TOO_MANY_VARIABLES, place, limit=limits.MAX_VARIABLES)
        return name.lower()


def _given(given: Arguments, tag: str) -> Strings:
    found = given.tagged(tag)
    assert found is not None  # its shape says so
    return found


def nonempty(strings: Strings) -> Sequence[str]:
    """Return the strings of a list. Raises SieveError for none."""
    if not strings.values:
        raise SieveError(Fault.EMPTY_LIST, strings.place)
    return strings.values
