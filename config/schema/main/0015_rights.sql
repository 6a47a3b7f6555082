-- Who else may do what in a mailbox (RFC 4314).

-- grantee_id is a person, a post or a unit of the directory, 0 for everybody who can sign in here. rights are letters.
CREATE TABLE mailbox_right (
    account_id {int} NOT NULL,
    mailbox_id {int} NOT NULL,
    grantee_id {int} NOT NULL,
    rights TEXT NOT NULL,
    given_us {int} NOT NULL,
    PRIMARY KEY (account_id, mailbox_id, grantee_id)
) {narrow};

CREATE INDEX mailbox_right_grantee ON mailbox_right (grantee_id, account_id);

-- Mailboxes that were removed: nothing shows them, their entries go in small steps when the grace is over.
CREATE TABLE deleted_mailbox (
    account_id {int} NOT NULL,
    mailbox_id {int} NOT NULL,
    name TEXT NOT NULL,
    deleted_us {int} NOT NULL,
    PRIMARY KEY (account_id, mailbox_id)
) {narrow};

CREATE INDEX deleted_mailbox_time ON deleted_mailbox (deleted_us);
