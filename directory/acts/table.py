"""The table of all rules. What stands here is what can be done to the directory at all."""

from typing import Final

from directory.acts import (
    addresses,
    blanking,
    cards,
    certification,
    credentials,
    delegations,
    dkim,
    grants,
    holdings,
    lists,
    organisations,
    parties,
    people,
    posts,
    quotas,
    sending,
    services,
    topology,
    units,
)
from directory.acts.act import Act, Rules, tag

RULES: Final[Rules] = {
    **organisations.RULES,
    **units.RULES,
    **posts.RULES,
    **people.RULES,
    **holdings.RULES,
    **addresses.RULES,
    **lists.RULES,
    **delegations.RULES,
    **cards.RULES,
    **certification.RULES,
    **credentials.RULES,
    **grants.RULES,
    **services.RULES,
    **parties.RULES,
    **blanking.RULES,
    **topology.RULES,
    **quotas.RULES,
    **sending.RULES,
    **dkim.RULES,
}
KINDS: Final[dict[str, type[Act]]] = {tag(kind): kind for kind in RULES}
