-- The signed manifest: which node serves which domain, what the centre publishes, what a node follows.
-- On the node that keeps the register nodes are made by acts; elsewhere their rows come with the manifest.
-- smtp and https are host:port, the name in the certificate is hostname. key_sha256 is that of its SubjectPublicKeyInfo.

CREATE TABLE node (
    node_id {int} PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    organisation_id {int} NOT NULL,
    site_class TEXT NOT NULL,
    hostname TEXT NOT NULL,
    smtp TEXT NOT NULL,
    https TEXT NOT NULL,
    key_sha256 {bytes} NOT NULL,
    created_us {int} NOT NULL,
    revoked_us {int},
    reason TEXT NOT NULL
) {table};

CREATE INDEX node_key ON node (key_sha256);

CREATE TABLE node_domain (
    domain TEXT PRIMARY KEY,
    node_id {int} NOT NULL REFERENCES node (node_id)
) {table};

CREATE INDEX node_domain_node ON node_domain (node_id);

-- line: the entry as text, empty octets for one that is gone. serial: of the document that first vouched for it.
CREATE TABLE published_entry (
    uid TEXT PRIMARY KEY,
    bucket {int} NOT NULL,
    sha256 {bytes} NOT NULL,
    line {bytes} NOT NULL,
    serial {int} NOT NULL
) {table};

CREATE INDEX published_entry_bucket ON published_entry (bucket, uid);

CREATE INDEX published_entry_serial ON published_entry (serial, uid);

CREATE TABLE published_document (
    serial {int} PRIMARY KEY,
    issued_us {int} NOT NULL,
    octets {bytes} NOT NULL
) {table};

CREATE TABLE published_part (
    sha256 TEXT PRIMARY KEY,
    serial {int} NOT NULL,
    octets {bytes} NOT NULL
) {table};

-- what a following node has: its last good document and the parts of it, by name
CREATE TABLE manifest_state (
    name TEXT PRIMARY KEY,
    octets {bytes} NOT NULL,
    at_us {int} NOT NULL
) {table};

-- local_id: the entry that was made of the line here, 0 for none. pending: 1 for a line that was not looked at, 2 for one whose
-- parent has yet to be set
CREATE TABLE replica (
    uid TEXT PRIMARY KEY,
    bucket {int} NOT NULL,
    kind TEXT NOT NULL,
    sha256 {bytes} NOT NULL,
    line {bytes} NOT NULL,
    local_id {int} NOT NULL,
    pending {small} NOT NULL
) {table};

CREATE INDEX replica_bucket ON replica (bucket, uid);

CREATE INDEX replica_pending ON replica (kind, pending, uid);

CREATE INDEX replica_local ON replica (local_id);

-- origin: the nation whose manifest an administration came with, "" for those that are kept here
ALTER TABLE organisation ADD COLUMN origin TEXT NOT NULL DEFAULT '';
