"""What `diwan doctor` says of ways: is this node in the topology, where may its mail go, who lets it out."""

from config.database import Tx
from config.settings import Settings
from directory.manifest import topology
from mailcore.routing import identity, policy

Looked = tuple[str, bool, str]  # what was looked at, whether it is in order, what it looked like

OPEN = {
    "deny": "closed, but for domains that may write there",
    "gateway": "open through the gateway, but for domains that may not write there",
    "direct": "open by MX from here, but for domains that may not write there",
}


def look(tx: Tx, settings: Settings) -> list[Looked]:
    """Return what stands in the way of mail between nodes and to outside."""
    if topology.is_empty(tx):
        return [("routing", True, "there is no topology: mail for other domains goes by MX")]
    view = policy.view(settings)
    own = topology.by_key(tx, view.key_sha256) if view.key_sha256 else None
    found = [_own(settings, own.name if own else "", revoked=own is not None and own.revoked_us is not None)]
    if settings.routing.ca is not None and not settings.routing.ca.exists():
        found.append(("routing.ca", False, f"{settings.routing.ca}: no such file"))
    return [*found, _outside(tx, view, own_gateway=own is not None and own.gateway)]


def _own(settings: Settings, name: str, *, revoked: bool) -> Looked:
    if not name:
        said = "the topology has no node with this node's key: other nodes mark what it sends (`diwan node describe`, `diwan node add`)"
        return "topology", False, said
    if revoked:
        return "topology", False, f"this node, {name}, is revoked: the others take nothing from it"
    if identity.signing(settings.tls.key) is None:
        return "topology", False, f"{settings.tls.key}: neither P-256 nor Ed25519: what leaves this node has no trace"
    asks = "and a certificate of the state" if settings.routing.ca is not None else "and, without routing.ca, whatever certificate"
    return "topology", True, f"this node is {name}; nodes are known by their keys {asks}"


def _outside(tx: Tx, view: policy.View, *, own_gateway: bool) -> Looked:
    rows = tx.rows("SELECT name, outside FROM domain WHERE outside <> '' AND closed_us IS NULL ORDER BY name")
    said = [f"{name}: {'allowed' if outside == 'allow' else 'denied'}" for name, outside in rows]
    text = f"outside the topology: {OPEN[view.outside]}" + (f" ({', '.join(said)})" if said else "")
    if own_gateway:
        return "outside", True, f"{text}; this node is a gateway for the others"
    opens = view.outside == "gateway" or (view.outside == "deny" and any(outside == "allow" for _, outside in rows))
    if opens and policy.way(tx, "outside.invalid", view).kind == "closed":
        return "outside", False, f'{text}; no gateway is named: `diwan node gateway NAME`, or a [[route]] for ""'
    return "outside", True, text
