-- Lists of revoked certificates and answers about single ones, as they were published or fetched, and the stamps that are missing.

-- authority: its key in the signer. part: -1 for the list of everything. delta: 1 for what changed since the list that has the number base.
CREATE TABLE revocation_list (
    authority TEXT NOT NULL,
    part {int} NOT NULL,
    delta {small} NOT NULL,
    number {int} NOT NULL,
    base {int} NOT NULL,
    this_update_us {int} NOT NULL,
    next_update_us {int} NOT NULL,
    octets {bytes} NOT NULL,
    PRIMARY KEY (authority, part, delta)
) {table};

-- serial as in issued; method: the hash by which the issuer is named. revoked_us and reason: what the answer says, 0 for good.
CREATE TABLE revocation_answer (
    authority TEXT NOT NULL,
    serial TEXT NOT NULL,
    method TEXT NOT NULL,
    revoked_us {int} NOT NULL,
    reason TEXT NOT NULL,
    this_update_us {int} NOT NULL,
    next_update_us {int} NOT NULL,
    octets {bytes} NOT NULL,
    PRIMARY KEY (authority, serial, method)
) {table};

-- What other authorities publish. asked: the question about one certificate, empty for a list. tried_us: when it was last asked for,
-- failed: why nothing came then. What came before stays until something newer does.
CREATE TABLE revocation_fetched (
    url TEXT NOT NULL,
    asked {bytes} NOT NULL,
    octets {bytes} NOT NULL,
    this_update_us {int} NOT NULL,
    next_update_us {int} NOT NULL,
    tried_us {int} NOT NULL,
    failed TEXT NOT NULL,
    PRIMARY KEY (url, asked)
) {table};

CREATE INDEX revocation_fetched_end ON revocation_fetched (next_update_us);

-- Signatures that went without a time stamp, by the digest of their value, until an authority of time stamps that. token: empty for not yet.
CREATE TABLE stamp_pending (
    digest {bytes} NOT NULL PRIMARY KEY,
    signed_us {int} NOT NULL,
    tries {int} NOT NULL,
    next_us {int} NOT NULL,
    token {bytes} NOT NULL
) {narrow};

CREATE INDEX stamp_pending_due ON stamp_pending (next_us) WHERE next_us <> 0;
