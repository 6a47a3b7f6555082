"""How much a run does: rounds, counts and deadlines of the whole table and of the quick one. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """Counts per round and server; every section also has a deadline."""

    rounds: int
    deliveries: tuple[tuple[int, int], ...]  # connections, messages
    message_bytes: int
    imap_rounds: int
    fill: int  # messages of the realistic mailbox
    large: int  # messages of the large mailbox
    repeats: int  # of what reads all messages but not their bodies, in each round
    page_rounds: int
    bodies: int  # one by one
    stores: int
    ranges: int
    appends: tuple[tuple[int, int], ...]  # connections, messages
    selects: int
    trips: tuple[tuple[int, int], ...]  # connections, commands on each
    sign_ins: int
    idle_samples: int
    crowds: tuple[int, ...]  # idle sessions at once
    smtp_deadline_s: float
    imap_deadline_s: float
    crowd_deadline_s: float
    idle_deadline_s: float
    people: int  # in the directory
    lookups: int  # people who are looked for; each in about twenty ways, spread over the rounds
    resolutions: int
    remembered: int  # sign-ins
    exchanges: int
    directory_deadline_s: float
    ldap_people: int
    ldap_lookups: int  # people who are looked for, spread over the rounds
    ldap_deadline_s: float
    intake: int  # people of an import
    intake_sync: int  # those of them whom an LDAP server has
    intake_deadline_s: float
    queued: int  # recipients that wait while the queue is measured
    queue_deadline_s: float
    relayed: int  # messages to a sink
    relay_deadline_s: float
    members: int  # of the list of a circular
    circular_deadline_s: float


WHOLE = Plan(
    rounds=3,
    deliveries=((1, 250), (10, 600), (50, 1200)),
    message_bytes=10_000,
    imap_rounds=3,
    fill=10_000,
    large=100_000,
    repeats=5,
    page_rounds=300,
    bodies=600,
    stores=400,
    ranges=3,
    appends=((1, 300), (20, 1500)),
    selects=200,
    trips=((1, 2000), (50, 200)),
    sign_ins=300,
    idle_samples=8,
    crowds=(1_000, 10_000),
    smtp_deadline_s=120,
    imap_deadline_s=420,
    crowd_deadline_s=300,
    idle_deadline_s=60,
    people=1_000_000,
    lookups=150,
    resolutions=20_000,
    remembered=6_000,
    exchanges=3_000,
    directory_deadline_s=900,
    ldap_people=100_000,
    ldap_lookups=240,
    ldap_deadline_s=300,
    intake=20_000,
    intake_sync=5_000,
    intake_deadline_s=300,
    queued=1_000_000,
    queue_deadline_s=240,
    relayed=1_200,
    relay_deadline_s=240,
    members=100_000,
    circular_deadline_s=240,
)
QUICK = Plan(
    rounds=3,
    deliveries=((1, 60), (10, 150), (50, 300)),
    message_bytes=10_000,
    imap_rounds=2,
    fill=2_000,
    large=10_000,
    repeats=2,
    page_rounds=60,
    bodies=100,
    stores=100,
    ranges=1,
    appends=((1, 60), (20, 200)),
    selects=50,
    trips=((1, 300), (50, 40)),
    sign_ins=60,
    idle_samples=3,
    crowds=(200,),
    smtp_deadline_s=40,
    imap_deadline_s=100,
    crowd_deadline_s=60,
    idle_deadline_s=25,
    people=20_000,
    lookups=60,
    resolutions=5_000,
    remembered=2_000,
    exchanges=1_000,
    directory_deadline_s=90,
    ldap_people=20_000,
    ldap_lookups=90,
    ldap_deadline_s=120,
    intake=4_000,
    intake_sync=2_000,
    intake_deadline_s=90,
    queued=50_000,
    queue_deadline_s=60,
    relayed=300,
    relay_deadline_s=90,
    members=10_000,
    circular_deadline_s=60,
)
