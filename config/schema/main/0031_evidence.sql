-- Records of what happened, in the transaction of their fact; their place in the log comes later.
-- record is canonical JSON, entry = SHA-256("diwan-evidence-v1\n" + salt + record): what the log holds of it.

-- what has no place yet: some seconds of mail. fact_id: grows with time, so that rows are added behind each other, and has no other index
CREATE TABLE evidence_fact (
    fact_id {int} PRIMARY KEY,
    queue_id {int} NOT NULL,
    salt {bytes} NOT NULL,
    record {bytes} NOT NULL
) {table};

-- salt and record are NULL once a court has had them deleted: the log stays whole without them
CREATE TABLE evidence (
    place {int} PRIMARY KEY,
    queue_id {int} NOT NULL,
    entry {bytes} NOT NULL,
    salt {bytes},
    record {bytes}
) {table};

CREATE INDEX evidence_queue ON evidence (queue_id);

-- one row. frontier: the hashes of the full subtrees that `size` leaves are made of, the largest first
CREATE TABLE evidence_tree (
    one {small} PRIMARY KEY,
    size {int} NOT NULL,
    frontier {bytes} NOT NULL
) {table};

INSERT INTO evidence_tree (one, size, frontier) VALUES (1, 0, CAST('' AS {bytes}));

-- note: signed by the log and its witnesses. seal: the node's CMS signature over its text, stamped = 1 with a time stamp
CREATE TABLE evidence_checkpoint (
    size {int} PRIMARY KEY,
    at_us {int} NOT NULL,
    note {bytes} NOT NULL,
    seal {bytes} NOT NULL,
    stamped {small} NOT NULL
) {table};

-- what witnesses have signed of our log
CREATE TABLE evidence_witness (
    name TEXT PRIMARY KEY,
    size {int} NOT NULL,
    at_us {int} NOT NULL
) {table};

-- what this node as a witness has signed of other logs
CREATE TABLE evidence_witnessed (
    origin TEXT PRIMARY KEY,
    size {int} NOT NULL,
    root {bytes} NOT NULL,
    at_us {int} NOT NULL
) {table};

-- digest: SHA-256 of the message's octets, empty when no evidence is kept of it. message_id: its Message-ID
ALTER TABLE queue_message ADD COLUMN digest {bytes};

ALTER TABLE queue_message ADD COLUMN message_id TEXT NOT NULL DEFAULT '';
