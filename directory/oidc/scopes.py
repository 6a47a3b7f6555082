"""Scopes: what a platform may ask for. Pure. OpenID Connect Core 1.0 §5.4, §11; RFC 6749 §3.3."""

from collections.abc import Sequence
from typing import get_args

from directory.types import Scope

OPENID, OFFLINE = "openid", "offline_access"
CLAIMS = ("profile", "email", "organisation", "posts")  # what is told about a person
MAIL: tuple[str, ...] = tuple(scope for scope in get_args(Scope) if scope != "web")  # which doors of this node a token opens
SCOPES = (OPENID, *CLAIMS, OFFLINE, *MAIL)


def read(text: str) -> tuple[str, ...] | None:
    """Return the scopes that a parameter names, in our order, each once; None when one of them does not exist."""
    asked = set(text.split(" ")) - {""}
    return None if asked - set(SCOPES) else tuple(scope for scope in SCOPES if scope in asked)


def written(scopes: Sequence[str]) -> str:
    """Return scopes as they stand in a parameter and in a row."""
    return " ".join(scopes)


def opens_mail(scopes: Sequence[str]) -> bool:
    """Say whether a token with these scopes is for this node itself."""
    return any(scope in MAIL for scope in scopes)
