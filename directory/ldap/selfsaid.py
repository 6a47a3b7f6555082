"""What the server says of itself: the root (RFC 4512 §5.1) and the subschema (§4.2). Pure."""

from collections.abc import Sequence

from directory.ldap import controls, schema
from directory.ldap.dn import Rdn
from directory.ldap.entries import Entry, Values, operate
from directory.ldap.messages import WHO_AM_I

_FEATURES = (
    "1.3.6.1.4.1.4203.1.5.1",  # all operational attributes by + (RFC 3673)
    "1.3.6.1.4.1.4203.1.5.3",  # (&) is true and (|) is false (RFC 4526)
    "1.3.6.1.4.1.4203.1.5.4",  # language options (RFC 3866)
)
_BASES = {"dc": ("organization", "dcObject"), "o": ("organization",), "ou": ("organizationalUnit",), "c": ("country",)}


def root(base: str, mechanisms: Sequence[str]) -> Entry:
    """Return the entry without a name, by which clients learn what a server can do."""
    return Entry(
        "",
        {
            "objectClass": (b"top",),
            "namingContexts": (base.encode(),),
            "subschemaSubentry": (schema.SUBSCHEMA.encode(),),
            "supportedControl": _texts(controls.SUPPORTED),
            "supportedExtension": (WHO_AM_I.encode(),),
            "supportedFeatures": _texts(_FEATURES),
            "supportedLDAPVersion": (b"3",),
            "supportedSASLMechanisms": _texts(mechanisms),
            "vendorName": (b"Diwan",),
        },
    )


def subschema() -> Entry:
    """Return the schema of every entry here."""
    return Entry(
        schema.SUBSCHEMA,
        {
            "objectClass": (b"top", b"subschema"),
            "cn": (b"Subschema",),
            "attributeTypes": _texts(schema.attribute_types()),
            "objectClasses": _texts(schema.CLASSES),
            "ldapSyntaxes": _texts([f"( {oid} DESC '{name}' )" for oid, name in schema.SYNTAXES.items()]),
            "matchingRules": _texts(schema.RULES),
        },
    )


def base(name: tuple[Rdn, ...], text: str) -> Entry:
    """Return the entry at the top of the tree."""
    kind, value = name[0]
    classes = ("top", *_BASES.get(kind, ("organization",)))
    values: Values = {"objectClass": _texts(classes), kind: (value.encode(),)}
    if kind == "dc":
        values["o"] = (value.encode(),)
    operate(values, text, 0, 0)
    return Entry(text, values)


def _texts(found: Sequence[str]) -> tuple[bytes, ...]:
    return tuple(one.encode() for one in found)
