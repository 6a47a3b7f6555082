-- OpenPGP: our own keys, sealed, and the keys of correspondents as they were first seen.

-- private_sealed: the private key and its revocation, under a secret of its own that is stored only wrapped by the node's key.
-- domain, local_hash: where the public key is found in the web key directory. revoked_us is 0 while it is in force.
CREATE TABLE openpgp_key (
    account_id {int} NOT NULL,
    fingerprint TEXT NOT NULL,
    address TEXT NOT NULL,
    domain TEXT NOT NULL,
    local_hash TEXT NOT NULL,
    public_key {bytes} NOT NULL,
    secret_wrapped {bytes} NOT NULL,
    private_sealed {bytes} NOT NULL,
    created_us {int} NOT NULL,
    expires_us {int} NOT NULL,
    revoked_us {int} NOT NULL,
    PRIMARY KEY (account_id, fingerprint)
) {table};

CREATE INDEX openpgp_key_directory ON openpgp_key (domain, local_hash);

-- account_id 0: pinned by the operator for everybody. source: directory, letter, operator.
-- offered_*: another key that turned up for the address since; it counts for nothing until it is accepted.
CREATE TABLE openpgp_pin (
    account_id {int} NOT NULL,
    address TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    public_key {bytes} NOT NULL,
    source TEXT NOT NULL,
    pinned_us {int} NOT NULL,
    offered_fingerprint TEXT NOT NULL,
    offered_key {bytes} NOT NULL,
    offered_source TEXT NOT NULL,
    offered_us {int} NOT NULL,
    PRIMARY KEY (account_id, address)
) {table};
