-- What is kept of mail. Every per-account key begins with account_id. Nothing of a message's content is readable here:
-- summaries and headers are sealed under the account's key, bodies are blobs under keys wrapped by it.

CREATE TABLE account (
    account_id {int} PRIMARY KEY,
    key_wrapped {bytes} NOT NULL,
    created_us {int} NOT NULL
) {table};

-- The first row that a unit changes: its lock makes commit order equal modseq order.
CREATE TABLE account_state (
    account_id {int} PRIMARY KEY REFERENCES account (account_id),
    modseq {int} NOT NULL,
    mailbox_next {int} NOT NULL,
    message_next {int} NOT NULL,
    uidvalidity_next {int} NOT NULL
) {table};

CREATE TABLE mailbox (
    account_id {int} NOT NULL,
    mailbox_id {int} NOT NULL,
    name TEXT NOT NULL,
    name_fold TEXT NOT NULL,
    role TEXT NOT NULL,
    uidvalidity {int} NOT NULL,
    uid_next {int} NOT NULL,
    highest_modseq {int} NOT NULL,
    message_count {int} NOT NULL,
    unseen_count {int} NOT NULL,
    size_bytes {int} NOT NULL,
    PRIMARY KEY (account_id, mailbox_id),
    UNIQUE (account_id, name_fold)
) {table};

CREATE UNIQUE INDEX mailbox_role ON mailbox (account_id, role) WHERE role <> '';

-- By name: a subscription outlives its mailbox (RFC 3501 section 6.3.6).
CREATE TABLE subscription (
    account_id {int} NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (account_id, name)
) {narrow};

CREATE TABLE keyword (
    account_id {int} NOT NULL,
    bit {int} NOT NULL,
    name TEXT NOT NULL,
    name_fold TEXT NOT NULL,
    PRIMARY KEY (account_id, bit),
    UNIQUE (account_id, name_fold)
) {table};

-- Immutable, shared by every entry that shows it.
CREATE TABLE message (
    account_id {int} NOT NULL,
    message_id {int} NOT NULL,
    blob_id {bytes} NOT NULL,
    dek_wrapped {bytes} NOT NULL,
    size_bytes {int} NOT NULL,
    created_us {int} NOT NULL,
    summary {bytes} NOT NULL,
    PRIMARY KEY (account_id, message_id)
) {table};

CREATE INDEX message_blob ON message (blob_id);

CREATE TABLE message_header (
    account_id {int} NOT NULL,
    message_id {int} NOT NULL,
    sealed {bytes} NOT NULL,
    PRIMARY KEY (account_id, message_id)
) {table};

-- A message in a mailbox. Narrow, because flags change and are read by the hundred thousand.
CREATE TABLE entry (
    account_id {int} NOT NULL,
    mailbox_id {int} NOT NULL,
    uid {int} NOT NULL,
    message_id {int} NOT NULL,
    modseq {int} NOT NULL,
    flags {int} NOT NULL,
    internaldate_us {int} NOT NULL,
    PRIMARY KEY (account_id, mailbox_id, uid)
) {narrow};

CREATE INDEX entry_modseq ON entry (account_id, mailbox_id, modseq);
CREATE INDEX entry_message ON entry (account_id, message_id);

-- Tombstones: other sessions still hold the number, and a mistake can be undone until the sweep.
CREATE TABLE expunged (
    account_id {int} NOT NULL,
    mailbox_id {int} NOT NULL,
    uid {int} NOT NULL,
    message_id {int} NOT NULL,
    modseq {int} NOT NULL,
    flags {int} NOT NULL,
    internaldate_us {int} NOT NULL,
    expunged_us {int} NOT NULL,
    PRIMARY KEY (account_id, mailbox_id, uid)
) {narrow};

CREATE INDEX expunged_modseq ON expunged (account_id, mailbox_id, modseq);
CREATE INDEX expunged_message ON expunged (account_id, message_id);
CREATE INDEX expunged_time ON expunged (expunged_us);
