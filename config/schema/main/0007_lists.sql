-- Lists that are directory queries, and delegations of mailboxes.

-- The address stands in `address` with the kind 'list'. owner_id: the person, post or unit that answers for the list.
CREATE TABLE list (
    list_id {int} PRIMARY KEY,
    organisation_id {int} NOT NULL REFERENCES organisation (organisation_id),
    owner_id {int} NOT NULL,
    name_ar TEXT NOT NULL,
    name_fr TEXT NOT NULL,
    address TEXT NOT NULL,
    query TEXT NOT NULL,                 -- JSON, see directory/queries.py
    senders TEXT NOT NULL,               -- everyone, nation, organisation, members, owners
    moderation TEXT NOT NULL,            -- none, outsiders, all
    created_us {int} NOT NULL,
    closed_us {int}
) {table};

CREATE INDEX list_organisation ON list (organisation_id);

CREATE INDEX list_owner ON list (owner_id);

-- A letter that waits for the owner of a list. Its octets stay in the queue, whose recipient sleeps meanwhile.
CREATE TABLE list_held (
    held_id {int} PRIMARY KEY,
    list_id {int} NOT NULL REFERENCES list (list_id),
    queue_id {int} NOT NULL,
    number {int} NOT NULL,
    sender TEXT NOT NULL,
    size_bytes {int} NOT NULL,
    held_us {int} NOT NULL,
    state TEXT NOT NULL,                 -- held, released, rejected
    reason TEXT NOT NULL,
    decided_us {int},
    UNIQUE (queue_id, number)
) {table};

CREATE INDEX list_held_list ON list_held (list_id, state);

-- A list being expanded: the message queue_id goes to the members. sender and account_id are those of the letter as it came.
CREATE TABLE queue_fanout (
    queue_id {int} PRIMARY KEY,
    list_id {int} NOT NULL,
    sender TEXT NOT NULL,
    account_id {int}
) {table};

-- Members without a row in the queue yet, frozen as 64-bit numbers, big-endian. number: that of the first of them.
CREATE TABLE queue_fanout_piece (
    queue_id {int} NOT NULL,
    number {int} NOT NULL,
    members {bytes} NOT NULL,
    PRIMARY KEY (queue_id, number)
) {table};

-- 0 for a message without lists, else the message as it was accepted: what it and its expansions share is one copy each.
ALTER TABLE queue_message ADD COLUMN origin_id {int} NOT NULL DEFAULT 0;

CREATE INDEX queue_message_origin ON queue_message (origin_id) WHERE origin_id <> 0;

-- Mailboxes that have their copy, and lists that were expanded.
CREATE TABLE queue_copy (
    origin_id {int} NOT NULL,
    account_id {int} NOT NULL,
    PRIMARY KEY (origin_id, account_id)
) {narrow};

-- Never deleted: who could read or write in whose name on a day must be answerable for ever.
-- rights: words of read, write, send_as, send_on_behalf. folder: '' is the whole mailbox.
CREATE TABLE delegation (
    delegation_id {int} PRIMARY KEY,
    account_id {int} NOT NULL,
    delegate_id {int} NOT NULL,
    rights TEXT NOT NULL,
    folder TEXT NOT NULL,
    valid_from_us {int} NOT NULL,
    valid_to_us {int},
    decision_ref TEXT NOT NULL,
    recorded_us {int} NOT NULL,
    revoked_us {int}
) {table};

CREATE INDEX delegation_account ON delegation (account_id);

CREATE INDEX delegation_delegate ON delegation (delegate_id);
