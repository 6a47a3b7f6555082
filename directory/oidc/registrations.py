"""Rules of a registration: what a platform may be. Pure. RFC 7591 §2, OpenID Connect Core 1.0 §8.1, RFC 9700 §2."""

from directory.errors import BadEntry
from directory.oidc import jose, scopes, uris
from directory.oidc.types import CODE_GRANT, GRANT_TYPES, REFRESH_GRANT, Registration

MAX_URIS = 20
MAX_NAME_CHARS = 100


def check(facts: Registration) -> None:
    """Accept what a platform registers. Raises BadEntry with what is wrong."""
    for name in (facts.name_ar, facts.name_fr):
        if len(name) > MAX_NAME_CHARS or not name.isprintable():
            raise BadEntry(f"a name has at most {MAX_NAME_CHARS} characters, all of them visible")
    if not facts.name_ar.strip() and not facts.name_fr.strip():
        raise BadEntry("a platform needs a name")
    _check_grants(facts)
    _check_uris(facts)
    if facts.auth == "private_key_jwt":
        jose.key_set(facts.jwks)
    elif facts.jwks:
        raise BadEntry("keys are for the method private_key_jwt")
    if not sector(facts) and facts.grant_types:
        raise BadEntry("the addresses to return to are on several hosts, or on none: name the sector")


def sector(facts: Registration) -> str:
    """Return within which circle of platforms a person has one subject; "" when it cannot be told."""
    hosts = {uris.host(uri) for uri in facts.redirect_uris}
    return facts.sector or (hosts.pop() if len(hosts) == 1 else "")


def _check_grants(facts: Registration) -> None:
    if set(facts.grant_types) - set(GRANT_TYPES) or facts.grant_types == (REFRESH_GRANT,):
        raise BadEntry(f"grant types are {', '.join(GRANT_TYPES)}; a refresh token comes with one of the others")
    if set(facts.scopes) - set(scopes.SCOPES):
        raise BadEntry(f"scopes are {', '.join(scopes.SCOPES)}")
    if facts.grant_types and not facts.scopes:
        raise BadEntry("a platform that asks for nothing needs no grant")
    if not facts.grant_types and not facts.audience:
        raise BadEntry("a platform without a grant type is a service that takes tokens: name its audience")
    if (CODE_GRANT in facts.grant_types) != bool(facts.redirect_uris):
        raise BadEntry("the grant type authorization_code and addresses to return to go together")
    if facts.auth == "none" and facts.audience:
        raise BadEntry("a service that takes tokens must be able to prove itself")


def _check_uris(facts: Registration) -> None:
    if len(facts.redirect_uris) > MAX_URIS or len(facts.post_logout_redirect_uris) > MAX_URIS:
        raise BadEntry(f"at most {MAX_URIS} addresses of a kind")
    native = facts.auth == "none"
    for uri in (*facts.redirect_uris, *facts.post_logout_redirect_uris):
        uris.check_redirect(uri, native=native)
    for uri in (facts.backchannel_logout_uri, facts.audience):
        if uri:
            uris.check_https(uri)
    if facts.sector and not uris.host(f"https://{facts.sector}"):
        raise BadEntry("a sector is the name of a host")
