"""One example of every kind of act, and the places it touches: the permission matrix is made from them.

An example is given two places, and answers with an act and with every place where somebody must have its right: a place, an
administration or "nation"; another right stands before the place, as in "addresses:out". The second place is where things
come from or go to, for acts that touch two.
"""

from collections.abc import Callable

from directory.acts import Act
from directory.acts.addresses import AliasAdd, AliasClose, DomainAlias, DomainClose, DomainCreate, DomainOutside, DomainShare
from directory.acts.blanking import EvidenceErase, JournalBlank
from directory.acts.cards import AttributesSet, VisibilitySet
from directory.acts.certification import CertificateOrder, CertificateRenew, CertificateResume, CertificateSuspend, EscrowOpen
from directory.acts.certification import CertificateRevoke as CertificateEnd
from directory.acts.credentials import AppPasswordRevoke, CertificateAdd, CertificateRevoke, FactorsReset, PasswordReset, SessionsEnd
from directory.acts.delegations import DelegationGrant, DelegationRevoke
from directory.acts.dkim import DkimAdd, DkimRemove
from directory.acts.grants import GrantGive, GrantRevoke
from directory.acts.holdings import HoldingAnnul, HoldingCorrect, HoldingEnd, HoldingStart
from directory.acts.lists import ListChange, ListClose, ListCreate, ListReject, ListRelease
from directory.acts.organisations import OrganisationClose, OrganisationCreate, OrganisationMove, OrganisationRename
from directory.acts.parties import (
    IdentityLink,
    IdentityUnlink,
    PartyApprove,
    PartyChange,
    PartyRegister,
    PartyRevoke,
    PartyRotate,
)
from directory.acts.people import PeopleClose, PersonClose, PersonCreate, PersonMove, PersonRename, PersonReopen, PersonTransfer
from directory.acts.posts import PostClose, PostCreate, PostMove, PostRename, PostRole
from directory.acts.quotas import QuotaDefault, QuotaSet
from directory.acts.sending import SendingSet
from directory.acts.services import ServiceCreate, ServiceRevoke
from directory.acts.topology import NodeAdd, NodeGateway, NodeRevoke, NodeServe
from directory.acts.units import UnitAddress, UnitClose, UnitCreate, UnitKind, UnitMove, UnitRename
from directory.queries import Query
from directory.services import digest

from .world import DKIM, KEPT, PROVIDER, Place, certificate, parent, platform

Example = Callable[[Place, Place], tuple[Act, set[str]]]


def above(p: Place) -> str:
    """Return what the administration of a place stands in."""
    return parent(p.organisation.code)


def people_of(p: Place, q: Place) -> tuple[int, ...]:
    """Return the people of both places, each once."""
    return tuple(dict.fromkeys((p.person.person_id, q.person.person_id)))


def own_domain(p: Place, q: Place) -> set[str]:
    """Return the owner of the second place's domain, when that is another administration than the first place's."""
    return set() if p.organisation == q.organisation else {f"addresses:{q.organisation.code}"}


def staff(p: Place) -> Query:
    """Return everybody who works in the administration of a place."""
    return Query(within=p.organisation.organisation_id, take="person")


EXAMPLES: dict[type[Act], Example] = {
    OrganisationCreate: lambda p, q: (
        OrganisationCreate("school", f"new.{p.name}", "x", "x", p.organisation.organisation_id),
        {p.organisation.code},
    ),
    OrganisationRename: lambda p, q: (OrganisationRename(p.organisation.organisation_id, "x", "x"), {p.organisation.code}),
    OrganisationMove: lambda p, q: (
        OrganisationMove(p.organisation.organisation_id, q.organisation.organisation_id),
        {above(p), q.organisation.code},
    ),
    OrganisationClose: lambda p, q: (OrganisationClose(p.school.organisation_id), {p.organisation.code}),
    UnitCreate: lambda p, q: (UnitCreate(p.organisation.organisation_id, "new", "x", "x", p.unit.unit_id), {p.name}),
    UnitRename: lambda p, q: (UnitRename(p.unit.unit_id, "x", "x"), {p.name}),
    UnitMove: lambda p, q: (UnitMove(p.unit.unit_id, q.unit.unit_id), {parent(p.name), q.name}),
    UnitAddress: lambda p, q: (UnitAddress(p.unit.unit_id, p.address("newbox")), {p.name}),
    UnitKind: lambda p, q: (UnitKind(p.unit.unit_id, "hr"), {p.name}),
    UnitClose: lambda p, q: (UnitClose(p.empty.unit_id), {p.name}),
    PostCreate: lambda p, q: (PostCreate(p.unit.unit_id, "x", "x", q.address("newpost")), {p.name} | own_domain(p, q)),
    PostRename: lambda p, q: (PostRename(p.post.post_id, "x", "x"), {p.name}),
    PostMove: lambda p, q: (PostMove(p.post.post_id, q.unit.unit_id), {p.name, q.name}),
    PostRole: lambda p, q: (PostRole(p.post.post_id, "head", 1), {p.name}),
    PostClose: lambda p, q: (PostClose(p.post.post_id), {p.name}),
    PersonCreate: lambda p, q: (
        PersonCreate("x", "x", q.address("newperson"), "ar", p.unit.unit_id),
        {p.name} | own_domain(p, q),
    ),
    PersonRename: lambda p, q: (PersonRename(p.person.person_id, "x", "x"), {p.name}),
    PersonMove: lambda p, q: (PersonMove(p.person.person_id, q.unit.unit_id), {p.name, q.name}),
    PersonTransfer: lambda p, q: (PersonTransfer(p.person.person_id, q.unit.unit_id), {p.name, q.name}),
    PersonClose: lambda p, q: (PersonClose(p.person.person_id), {p.name}),
    PeopleClose: lambda p, q: (PeopleClose(people_of(p, q)), {p.name, q.name}),
    PersonReopen: lambda p, q: (PersonReopen(p.gone.person_id), {p.name}),
    HoldingStart: lambda p, q: (HoldingStart(p.vacant.post_id, q.person.person_id), {p.name, q.name}),
    HoldingEnd: lambda p, q: (HoldingEnd(p.holding.holding_id, p.holding.valid_from_us + 1), {p.name}),
    HoldingCorrect: lambda p, q: (
        HoldingCorrect(p.holding.holding_id, "interim", p.holding.valid_from_us, None, "D-1"),
        {p.name},
    ),
    HoldingAnnul: lambda p, q: (HoldingAnnul(p.holding.holding_id), {p.name}),
    AliasAdd: lambda p, q: (AliasAdd(p.person.person_id, q.address("another")), {p.name} | own_domain(p, q)),
    AliasClose: lambda p, q: (AliasClose(p.alias), {p.name}),
    DomainCreate: lambda p, q: (DomainCreate("new.example", p.organisation.organisation_id), {p.organisation.code, "nation"}),
    DomainAlias: lambda p, q: (DomainAlias("other.example", p.domain), {p.organisation.code, "nation"}),
    DomainShare: lambda p, q: (DomainShare(p.domain, shared=True), {p.organisation.code, "nation"}),
    DomainOutside: lambda p, q: (DomainOutside(p.domain, "allow"), {p.organisation.code, "nation"}),
    DomainClose: lambda p, q: (DomainClose(p.spare_domain), {p.organisation.code, "nation"}),
    DkimAdd: lambda p, q: (DkimAdd(p.spare_domain, (DKIM,), True), {p.organisation.code, "nation"}),
    DkimRemove: lambda p, q: (DkimRemove(p.domain, DKIM.selector), {p.organisation.code, "nation"}),
    ListCreate: lambda p, q: (
        ListCreate(p.organisation.organisation_id, p.person.person_id, q.address("newlist"), "x", "x", staff(p)),
        {p.organisation.code} | own_domain(p, q),
    ),
    ListChange: lambda p, q: (ListChange(p.list.list_id, query=staff(q)), {p.organisation.code, q.organisation.code}),
    ListClose: lambda p, q: (ListClose(p.list.list_id), {p.organisation.code}),
    ListRelease: lambda p, q: (ListRelease(p.held_id), {p.organisation.code}),
    ListReject: lambda p, q: (ListReject(p.held_id, "x"), {p.organisation.code}),
    DelegationGrant: lambda p, q: (DelegationGrant(p.person.person_id, q.person.person_id, ("read",)), {p.name, q.name}),
    DelegationRevoke: lambda p, q: (DelegationRevoke(p.delegation.delegation_id), {p.name}),
    QuotaSet: lambda p, q: (QuotaSet(p.person.person_id, storage_bytes=1 << 30), {p.name}),
    SendingSet: lambda p, q: (SendingSet(p.person.person_id, messages_hour=5, priority=6), {p.name}),
    QuotaDefault: lambda p, q: (QuotaDefault(1 << 30, None), {"nation"}),
    AttributesSet: lambda p, q: (AttributesSet(p.person.person_id, {"phone": "1", "employee_number": "2"}), {p.name}),
    VisibilitySet: lambda p, q: (VisibilitySet(p.post.post_id, "entry", "nobody"), {p.name}),
    PasswordReset: lambda p, q: (PasswordReset(p.person.person_id, KEPT), {p.name}),
    SessionsEnd: lambda p, q: (SessionsEnd(p.person.person_id), {p.name}),
    AppPasswordRevoke: lambda p, q: (AppPasswordRevoke(p.person.person_id, p.app_password_id), {p.name}),
    FactorsReset: lambda p, q: (FactorsReset(p.person.person_id), {p.name}),
    CertificateOrder: lambda p, q: (CertificateOrder("sign", p.person.person_id, "x@x.example"), {p.name}),
    CertificateRenew: lambda p, q: (CertificateRenew(p.person.person_id, "ca-x", "1f"), {p.name}),
    CertificateEnd: lambda p, q: (CertificateEnd(p.person.person_id, "ca-x", "1f", "superseded"), {p.name}),
    CertificateSuspend: lambda p, q: (CertificateSuspend(p.post.post_id, "ca-x", "1f"), {p.name}),
    CertificateResume: lambda p, q: (CertificateResume(p.post.post_id, "ca-x", "1f"), {p.name}),
    EscrowOpen: lambda p, q: (EscrowOpen(p.person.person_id, "encrypt-1-1"), {p.name}),
    CertificateAdd: lambda p, q: (CertificateAdd(p.person.person_id, certificate("another"), "another"), {p.name}),
    CertificateRevoke: lambda p, q: (CertificateRevoke(p.person.person_id, p.certificate), {p.name}),
    GrantGive: lambda p, q: (GrantGive(q.person.person_id, "signer", "unit", p.unit.unit_id), {p.name, q.name}),
    GrantRevoke: lambda p, q: (GrantRevoke(p.grant.grant_id), {p.name}),
    ServiceCreate: lambda p, q: (
        ServiceCreate("sync", "unit", p.unit.unit_id, ("sync",), digest("another").hex()),
        {p.name},
    ),
    ServiceRevoke: lambda p, q: (ServiceRevoke(p.service.service_id), {p.name}),
    PartyRegister: lambda p, q: (PartyRegister(platform(p.organisation)), {p.organisation.code}),
    PartyChange: lambda p, q: (
        PartyChange(p.party.client_id, platform(q.organisation)),
        {p.organisation.code, q.organisation.code},
    ),
    PartyApprove: lambda p, q: (PartyApprove(p.party.client_id, p.party.facts), {p.organisation.code}),
    PartyRotate: lambda p, q: (PartyRotate(p.party.client_id, "00" * 32), {p.organisation.code}),
    PartyRevoke: lambda p, q: (PartyRevoke(p.party.client_id), {p.organisation.code}),
    IdentityLink: lambda p, q: (IdentityLink(PROVIDER, f"new.{p.name}", p.person.person_id), {p.name}),
    IdentityUnlink: lambda p, q: (IdentityUnlink(PROVIDER, p.subject), {p.name}),
    NodeAdd: lambda p, q: (
        NodeAdd("new", p.organisation.organisation_id, p.node.site_class, "mx.new.example", "192.0.2.9:25", "192.0.2.9:443", "00" * 32, ()),
        {"nation"},
    ),
    NodeServe: lambda p, q: (NodeServe(p.node.node_id, (p.domain,)), {"nation"}),
    NodeGateway: lambda p, q: (NodeGateway(p.node.node_id, True), {"nation"}),
    NodeRevoke: lambda p, q: (NodeRevoke(p.node.node_id, "lost"), {"nation"}),
    JournalBlank: lambda p, q: (JournalBlank(1, "order 7"), {"nation"}),
    EvidenceErase: lambda p, q: (EvidenceErase("0000000000001", "order 7"), {"nation"}),
}

TOUCH_TWO = {
    *(OrganisationMove, UnitMove, PostCreate, PostMove, PersonCreate, PersonMove, PersonTransfer, PeopleClose),
    *(HoldingStart, AliasAdd, GrantGive, ListCreate, ListChange, DelegationGrant, PartyChange),
}
