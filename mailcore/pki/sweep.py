"""What is done for certificates every hour: enter what is not in the register, carry out orders, renew, raise alarms."""

from mailcore.pki import adopt, carrying, renew, watch
from mailcore.services import Services


async def sweep(services: Services) -> dict[str, int]:
    """Do all of it; return how much there was. A node without authorities of its own has nothing to do."""
    adopted = await adopt.adopt(services)
    carried = await carrying.carry_out(services)
    return {"adopted": adopted, "carried_out": carried, **await renew.renew_due(services), **await watch.alarm(services)}
