-- Mail on its way: one row per message, one per recipient that is still to be served.
-- A recipient's row goes when it is delivered, relayed or reported; the message's row (and with it the only copy of the
-- wrapped key that the queue holds) goes with its last recipient.

CREATE TABLE queue_message (
    queue_id {int} NOT NULL PRIMARY KEY,
    blob_id {bytes} NOT NULL,
    dek_wrapped {bytes} NOT NULL,        -- for the node's own account
    size_bytes {int} NOT NULL,
    sender TEXT NOT NULL,                -- '' is the null sender: never bounced
    account_id {int},                    -- who submitted it here, NULL when it came from outside
    envid TEXT NOT NULL,                 -- RFC 3461 §4.4, decoded
    ret TEXT NOT NULL,                   -- RFC 3461 §4.3: FULL, HDRS or ''
    smtputf8 {small} NOT NULL,           -- RFC 6531 §3.4
    created_us {int} NOT NULL,
    expires_us {int} NOT NULL,
    pending {int} NOT NULL               -- recipients left
) {table};

CREATE INDEX queue_message_blob ON queue_message (blob_id);

CREATE TABLE queue_recipient (
    queue_id {int} NOT NULL REFERENCES queue_message (queue_id),
    number {int} NOT NULL,
    address TEXT NOT NULL,
    domain TEXT NOT NULL,                -- of the address, lower case: what a destination is counted by
    local {small} NOT NULL,              -- 1 when the domain was ours at acceptance: which lane of workers takes it
    notify TEXT NOT NULL,                -- RFC 3461 §4.1: 'NEVER', 'SUCCESS,FAILURE,DELAY' in part, or '' when not said
    orcpt TEXT NOT NULL,                 -- RFC 3461 §4.2: type and address, decoded
    attempts {int} NOT NULL,
    due_us {int} NOT NULL,               -- next try, or the end of the lease while there is an owner
    lease_owner TEXT NOT NULL,           -- '' when nobody holds it
    lease_token {int} NOT NULL,          -- grows with every lease: who comes with an older one has lost it
    delay_told {small} NOT NULL,
    last_code {int} NOT NULL,            -- 0 before the first refusal
    last_text TEXT NOT NULL,
    PRIMARY KEY (queue_id, number)
) {narrow};

CREATE INDEX queue_recipient_due ON queue_recipient (local, due_us);
