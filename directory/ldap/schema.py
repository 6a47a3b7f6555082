"""The attributes and classes of our entries, and what a client's spelling of an attribute means. Pure.

RFC 4512 §2.5 (attribute descriptions, options), §4.1, §4.2 (subschema); RFC 4519 (user attributes); RFC 4524 (mail);
RFC 2798 (inetOrgPerson); RFC 3866 (language options); RFC 4523 §2.1 (userCertificate, always ``;binary``).
"""

from dataclasses import dataclass
from functools import lru_cache

SUBSCHEMA = "cn=Subschema"
ARC = "2.25.307811328007350773567410046086050771919"  # X.667: an arc from a UUID belongs to whoever made the UUID
_SYNTAX, _ROOT = "1.3.6.1.4.1.1466.115.121.1", "1.3.6.1.4.1.1466.101.120"
_TEXT, _DN, _OID, _IA5, _PHONE = (f"{_SYNTAX}.{n}" for n in (15, 12, 38, 26, 50))
_CERTIFICATE, _TIME, _COUNTRY, _FAX = (f"{_SYNTAX}.{n}" for n in (8, 24, 11, 22))
_UUID = "1.3.6.1.1.16.1"
_DIRECTORY, _SERVER = "directoryOperation", "dSAOperation"


@dataclass(frozen=True, slots=True)
class Type:
    """An attribute type. `options` are those that its values may carry."""

    name: str
    oid: str
    syntax: str
    aliases: tuple[str, ...] = ()
    options: tuple[str, ...] = ("",)
    single: bool = False
    usage: str = ""  # of what is not the user's: RFC 4512 §4.1.2

    @property
    def operational(self) -> bool:
        """Whether it is shown only when asked for."""
        return bool(self.usage)


_BOTH = ("", ";lang-ar", ";lang-fr")
_X520, _COSINE, _PERSON = "2.5.4", "0.9.2342.19200300.100.1", "2.16.840.1.113730.3.1"
TYPES = (
    Type("objectClass", f"{_X520}.0", _OID),
    Type("cn", f"{_X520}.3", _TEXT, ("commonName",), _BOTH),
    Type("sn", f"{_X520}.4", _TEXT, ("surname",), _BOTH),
    Type("givenName", f"{_X520}.42", _TEXT, ("gn",), _BOTH),
    Type("displayName", f"{_PERSON}.241", _TEXT, single=True),
    Type("mail", f"{_COSINE}.3", _TEXT, ("rfc822Mailbox",)),  # wider than RFC 4524: ours may be internationalised (RFC 6532)
    Type("uid", f"{_COSINE}.1", _TEXT, ("userid",)),
    Type("title", f"{_X520}.12", _TEXT, (), _BOTH),
    Type("o", f"{_X520}.10", _TEXT, ("organizationName",), _BOTH),
    Type("ou", f"{_X520}.11", _TEXT, ("organizationalUnitName",), _BOTH),
    Type("dc", f"{_COSINE}.25", _IA5, ("domainComponent",), single=True),
    Type("c", f"{_X520}.6", _COUNTRY, ("countryName",), single=True),
    Type("businessCategory", f"{_X520}.15", _TEXT),
    Type("description", f"{_X520}.13", _TEXT),
    Type("telephoneNumber", f"{_X520}.20", _PHONE),
    Type("mobile", f"{_COSINE}.41", _PHONE, ("mobileTelephoneNumber",)),
    Type("facsimileTelephoneNumber", f"{_X520}.23", _FAX, ("fax",)),
    Type("roomNumber", f"{_COSINE}.6", _TEXT),
    Type("departmentNumber", f"{_PERSON}.2", _TEXT),
    Type("employeeNumber", f"{_PERSON}.3", _TEXT, single=True),
    Type("preferredLanguage", f"{_PERSON}.39", _TEXT, single=True),
    Type("userCertificate", f"{_X520}.36", _CERTIFICATE, options=(";binary",)),
    Type("roleOccupant", f"{_X520}.33", _DN),
    Type("member", f"{_X520}.31", _DN),
    Type("entryDN", "1.3.6.1.1.20", _DN, single=True, usage=_DIRECTORY),
    Type("entryUUID", "1.3.6.1.1.16.4", _UUID, single=True, usage=_DIRECTORY),
    Type("modifyTimestamp", "2.5.18.2", _TIME, single=True, usage=_DIRECTORY),
    Type("structuralObjectClass", "2.5.21.9", _OID, single=True, usage=_DIRECTORY),
    Type("subschemaSubentry", "2.5.18.10", _DN, single=True, usage=_DIRECTORY),
    Type("hasSubordinates", "2.5.18.9", f"{_SYNTAX}.7", single=True, usage=_DIRECTORY),
    # what the subschema and the root say of themselves
    Type("objectClasses", "2.5.21.6", f"{_SYNTAX}.37", usage=_DIRECTORY),
    Type("attributeTypes", "2.5.21.5", f"{_SYNTAX}.3", usage=_DIRECTORY),
    Type("matchingRules", "2.5.21.4", f"{_SYNTAX}.30", usage=_DIRECTORY),
    Type("matchingRuleUse", "2.5.21.8", f"{_SYNTAX}.31", usage=_DIRECTORY),  # these and createTimestamp have no values here,
    Type("dITStructureRules", "2.5.21.1", f"{_SYNTAX}.17", usage=_DIRECTORY),  # but clients ask for them by name
    Type("dITContentRules", "2.5.21.2", f"{_SYNTAX}.16", usage=_DIRECTORY),
    Type("nameForms", "2.5.21.7", f"{_SYNTAX}.35", usage=_DIRECTORY),
    Type("createTimestamp", "2.5.18.1", _TIME, single=True, usage=_DIRECTORY),
    Type("ldapSyntaxes", f"{_ROOT}.16", f"{_SYNTAX}.54", usage=_DIRECTORY),
    Type("namingContexts", f"{_ROOT}.5", _DN, usage=_SERVER),
    Type("supportedExtension", f"{_ROOT}.7", _OID, usage=_SERVER),
    Type("supportedControl", f"{_ROOT}.13", _OID, usage=_SERVER),
    Type("supportedSASLMechanisms", f"{_ROOT}.14", _TEXT, usage=_SERVER),
    Type("supportedLDAPVersion", f"{_ROOT}.15", f"{_SYNTAX}.27", usage=_SERVER),
    Type("supportedFeatures", "1.3.6.1.4.1.4203.1.3.5", _OID, usage=_SERVER),
    Type("vendorName", "1.3.6.1.1.4", _TEXT, single=True, usage=_SERVER),
)  # fmt: skip

_ADDRESSED = "displayName $ mail $ o $ ou $ title $ businessCategory $ telephoneNumber $ mobile $ userCertificate"
CLASSES = (
    "( 2.5.6.0 NAME 'top' ABSTRACT MUST objectClass )",
    "( 2.5.6.2 NAME 'country' SUP top STRUCTURAL MUST c MAY description )",
    "( 2.5.6.4 NAME 'organization' SUP top STRUCTURAL MUST o MAY ( businessCategory $ description $ telephoneNumber ) )",
    "( 2.5.6.5 NAME 'organizationalUnit' SUP top STRUCTURAL MUST ou MAY ( businessCategory $ description $ telephoneNumber ) )",
    "( 2.5.6.6 NAME 'person' SUP top STRUCTURAL MUST ( sn $ cn ) MAY ( telephoneNumber $ description ) )",
    "( 2.5.6.7 NAME 'organizationalPerson' SUP person STRUCTURAL MAY ( title $ facsimileTelephoneNumber $ ou ) )",
    "( 2.16.840.1.113730.3.2.2 NAME 'inetOrgPerson' SUP organizationalPerson STRUCTURAL MAY ( departmentNumber $ displayName $"
    " employeeNumber $ givenName $ mail $ mobile $ o $ preferredLanguage $ roomNumber $ uid $ userCertificate $ businessCategory ) )",
    "( 2.5.6.8 NAME 'organizationalRole' SUP top STRUCTURAL MUST cn"
    " MAY ( facsimileTelephoneNumber $ ou $ roleOccupant $ telephoneNumber $ description ) )",
    "( 2.5.6.9 NAME 'groupOfNames' SUP top STRUCTURAL MUST ( member $ cn ) MAY ( businessCategory $ description $ o $ ou ) )",
    f"( {ARC}.1 NAME 'diwanList' DESC 'an address list whose members are found by a query' SUP top STRUCTURAL MUST ( cn $ mail ) )",
    f"( {ARC}.2 NAME 'diwanMailbox' DESC 'an entry that mail can be written to' SUP top AUXILIARY MUST mail"
    f" MAY ( {_ADDRESSED} $ facsimileTelephoneNumber $ roomNumber $ departmentNumber ) )",
    "( 1.3.6.1.4.1.1466.344 NAME 'dcObject' SUP top AUXILIARY MUST dc )",
)
SYNTAXES = {
    _TEXT: "Directory String", _DN: "DN", _OID: "OID", _IA5: "IA5 String", _PHONE: "Telephone Number", _CERTIFICATE: "Certificate",
    _TIME: "Generalized Time", _COUNTRY: "Country String", _UUID: "UUID", _FAX: "Facsimile Telephone Number",
    f"{_SYNTAX}.7": "Boolean", f"{_SYNTAX}.27": "INTEGER", f"{_SYNTAX}.3": "Attribute Type Description",
    f"{_SYNTAX}.30": "Matching Rule Description", f"{_SYNTAX}.37": "Object Class Description", f"{_SYNTAX}.54": "LDAP Syntax Description",
}  # fmt: skip
RULES = (
    f"( 2.5.13.2 NAME 'caseIgnoreMatch' SYNTAX {_TEXT} )",
    "( 2.5.13.4 NAME 'caseIgnoreSubstringsMatch' SYNTAX 1.3.6.1.4.1.1466.115.121.1.58 )",
    f"( 2.5.13.3 NAME 'caseIgnoreOrderingMatch' SYNTAX {_TEXT} )",
    f"( 2.5.13.1 NAME 'distinguishedNameMatch' SYNTAX {_DN} )",
    f"( 2.5.13.0 NAME 'objectIdentifierMatch' SYNTAX {_OID} )",
    f"( 2.5.13.27 NAME 'generalizedTimeMatch' SYNTAX {_TIME} )",
    f"( 1.3.6.1.1.16.2 NAME 'UUIDMatch' SYNTAX {_UUID} )",
    f"( 2.5.13.34 NAME 'certificateExactMatch' SYNTAX {_CERTIFICATE} )",
)
_MATCHING = {
    _TEXT: "EQUALITY caseIgnoreMatch ORDERING caseIgnoreOrderingMatch SUBSTR caseIgnoreSubstringsMatch ",
    _IA5: "EQUALITY caseIgnoreMatch ",
    _PHONE: "EQUALITY caseIgnoreMatch SUBSTR caseIgnoreSubstringsMatch ",
    _COUNTRY: "EQUALITY caseIgnoreMatch ",
    _DN: "EQUALITY distinguishedNameMatch ",
    _OID: "EQUALITY objectIdentifierMatch ",
    _TIME: "EQUALITY generalizedTimeMatch ",
    _UUID: "EQUALITY UUIDMatch ",
}
TELEPHONES = frozenset(("telephonenumber", "mobile", "facsimiletelephonenumber"))
NAMES_OF_ENTRIES = frozenset(("roleoccupant", "member", "entrydn"))
USER = tuple(f"{one.name}{option}" for one in TYPES if not one.operational for option in one.options)
OPERATIONAL = tuple(one.name for one in TYPES if one.operational)
_BY_NAME = {written.lower(): one for one in TYPES for written in (one.name, one.oid, *one.aliases)}


@lru_cache(maxsize=4096)
def descriptions(asked: str) -> tuple[str, ...]:
    """Return the descriptions of ours that a client's attribute description takes in, such as cn, cn;lang-ar, cn;lang-fr for CN.

    Options narrow: every one that is asked for must be there (RFC 4512 §2.5.2). Empty for what we do not have. ``;binary`` may
    be left out when asking for certificates: many clients do.
    """
    name, *options = asked.lower().split(";")
    found = _BY_NAME.get(name)
    if found is None:
        return ()
    wanted = set(options)
    return tuple(f"{found.name}{one}" for one in found.options if wanted <= set(one.lower().split(";")[1:]))


@lru_cache(maxsize=4096)
def base_type(asked: str) -> str:
    """Return the type that a description names, in lower case, without options; "" for an unknown one."""
    found = _BY_NAME.get(asked.lower().partition(";")[0])
    return found.name.lower() if found else ""


@lru_cache(maxsize=256)
def selected(asked: tuple[str, ...]) -> frozenset[str]:
    """Return which of our descriptions a search asks for (RFC 4511 §4.5.1.8; ``+``: RFC 3673 §2)."""
    wanted: set[str] = set()
    for name in asked or ("*",):
        wanted.update(USER if name == "*" else OPERATIONAL if name == "+" else descriptions(name))
    return frozenset(wanted)


def attribute_types() -> list[str]:
    """Return the definitions of our attribute types (RFC 4512 §4.1.2)."""
    return [_definition(one) for one in TYPES]


def _definition(one: Type) -> str:
    names = f"'{one.name}'" if not one.aliases else "( " + " ".join(f"'{name}'" for name in (one.name, *one.aliases)) + " )"
    single = "SINGLE-VALUE " if one.single else ""
    usage = f"NO-USER-MODIFICATION USAGE {one.usage} " if one.usage else ""
    return f"( {one.oid} NAME {names} {_MATCHING.get(one.syntax, '')}SYNTAX {one.syntax} {single}{usage})"
