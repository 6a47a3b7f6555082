-- What a message in a mailbox is called beyond its UID, and when it came there.

-- saved_us: when the message came into this mailbox (RFC 8514). What came earlier: when it came into the account.
ALTER TABLE entry ADD COLUMN saved_us {int} NOT NULL DEFAULT 0;
ALTER TABLE expunged ADD COLUMN saved_us {int} NOT NULL DEFAULT 0;

UPDATE entry SET saved_us = (
    SELECT m.created_us FROM message m WHERE m.account_id = entry.account_id AND m.message_id = entry.message_id
) WHERE EXISTS (SELECT 1 FROM message m WHERE m.account_id = entry.account_id AND m.message_id = entry.message_id);

UPDATE expunged SET saved_us = (
    SELECT m.created_us FROM message m WHERE m.account_id = expunged.account_id AND m.message_id = expunged.message_id
) WHERE EXISTS (SELECT 1 FROM message m WHERE m.account_id = expunged.account_id AND m.message_id = expunged.message_id);

-- thread_id: the conversation, called after its first message (RFC 8474). What came earlier is a conversation of its own:
-- its identifiers are sealed.
ALTER TABLE message ADD COLUMN thread_id {int} NOT NULL DEFAULT 0;

UPDATE message SET thread_id = message_id;

CREATE INDEX message_thread ON message (account_id, thread_id);

-- Which conversation a Message-ID belongs to. token: an HMAC of it under a key of the account, so that nothing can be read here.
CREATE TABLE thread_token (
    account_id {int} NOT NULL,
    token {bytes} NOT NULL,
    thread_id {int} NOT NULL,
    PRIMARY KEY (account_id, token)
) {narrow};

CREATE INDEX thread_token_thread ON thread_token (account_id, thread_id);
