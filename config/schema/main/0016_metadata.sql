-- Annotations of mailboxes and quotas of accounts (RFC 5464, RFC 9208).

-- mailbox_id 0 is the account itself. owner_id is the person whose private annotation it is, 0 for a shared one.
CREATE TABLE annotation (
    account_id {int} NOT NULL,
    mailbox_id {int} NOT NULL,
    owner_id {int} NOT NULL,
    entry TEXT NOT NULL,
    sealed {bytes} NOT NULL,
    PRIMARY KEY (account_id, mailbox_id, owner_id, entry)
) {table};

-- What an account may hold; account 0 stands for every account without a row of its own. NULL is no limit.
CREATE TABLE quota (
    account_id {int} PRIMARY KEY,
    storage_bytes {int},
    messages {int}
) {table};

-- 10 GiB and a million messages
INSERT INTO quota (account_id, storage_bytes, messages) VALUES (0, 10737418240, 1000000);
