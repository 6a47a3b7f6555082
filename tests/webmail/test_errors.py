"""Every refusal that a page may meet has words."""

import importlib

import pytest

from config.errors import MailError
from webmail import errors

FAMILIES = ("config.errors", "directory.errors", "mailcore.errors", "signing.errors", "webmail.errors", "webmail.csrf")


def members(module: str) -> list[type[MailError]]:
    found = importlib.import_module(module)
    return [
        value for value in vars(found).values() if isinstance(value, type) and issubclass(value, MailError) and value.__module__ == module
    ]


@pytest.mark.parametrize("kind", [kind for module in FAMILIES for kind in members(module)])
def test_no_class_is_missing(kind: type[MailError]) -> None:
    assert kind in errors.PAGES


def test_an_unknown_member_of_the_family_gets_the_words_of_its_parent() -> None:
    class Special(MailError):
        pass

    assert errors.explain(Special()) == errors.PAGES[MailError]
