-- Where mail may go, what other domains ask of TLS, and how TLS with them went.

-- gateway: a node that takes mail for domains outside the topology from the other nodes
ALTER TABLE node ADD COLUMN gateway {small} NOT NULL DEFAULT 0;

-- outside: whether mail from this domain may leave the topology, 'allow' or 'deny'; '' where the settings of the node decide
ALTER TABLE domain ADD COLUMN outside TEXT NOT NULL DEFAULT '';

-- the last good policy of a domain (RFC 8461 section 5.1). mx: its patterns, parted by spaces
CREATE TABLE sts_policy (
    domain TEXT PRIMARY KEY,
    policy_id TEXT NOT NULL,
    mode TEXT NOT NULL,
    mx TEXT NOT NULL,
    fetched_us {int} NOT NULL,
    expires_us {int} NOT NULL
) {table};

-- sessions of one UTC day by how they went (RFC 8460). day: days since 1970. result: '' for those that succeeded
CREATE TABLE tls_session (
    day {int} NOT NULL,
    domain TEXT NOT NULL,
    kind TEXT NOT NULL,
    policy TEXT NOT NULL,
    result TEXT NOT NULL,
    host TEXT NOT NULL,
    address TEXT NOT NULL,
    reason TEXT NOT NULL,
    sessions {int} NOT NULL,
    PRIMARY KEY (day, domain, kind, policy, result, host, address, reason)
) {table};

-- reports that went out, or that nobody wants: rua is '' then
CREATE TABLE tls_report (
    day {int} NOT NULL,
    domain TEXT NOT NULL,
    rua TEXT NOT NULL,
    at_us {int} NOT NULL,
    PRIMARY KEY (day, domain)
) {table};

-- how messages from other nodes came, by day: what the judgement of their trace was
CREATE TABLE trace_count (
    day {int} NOT NULL,
    node TEXT NOT NULL,
    mark TEXT NOT NULL,
    messages {int} NOT NULL,
    PRIMARY KEY (day, node, mark)
) {table};
