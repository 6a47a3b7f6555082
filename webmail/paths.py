"""Numbers in paths: those that the databases can hold. The stock convertor takes any number of digits."""

from starlette.convertors import Convertor, register_url_convertor


class Number(Convertor[int]):
    """A number of at most eighteen digits."""

    regex = "[0-9]{1,18}"

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


register_url_convertor("number", Number())


def number(name: str) -> str:
    """Return a piece of a path that is such a number."""
    return f"{{{name}:number}}"
