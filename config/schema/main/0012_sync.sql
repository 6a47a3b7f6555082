-- What was taken over from elsewhere.

-- watermark: up to where changes were read, as the source counts them, and origin: the server that counts so.
-- full_us: when all of it was read last. approval_id: the request to close asked people, when the brake last held.
CREATE TABLE sync_source (
    name TEXT PRIMARY KEY,
    watermark TEXT NOT NULL,
    origin TEXT NOT NULL,
    full_us {int} NOT NULL,
    approval_id {int},
    asked {int} NOT NULL
) {narrow};

-- foreign_id: what names an entry in its source for ever. hash: SHA-256 of what it said when it was last taken over.
-- since_us: since when it is there. gone_us: since when it is not there any more.
CREATE TABLE sync_entry (
    source TEXT NOT NULL,
    foreign_id TEXT NOT NULL,
    person_id {int} NOT NULL,
    hash {bytes} NOT NULL,
    since_us {int} NOT NULL,
    gone_us {int},
    PRIMARY KEY (source, foreign_id)
) {narrow};

CREATE UNIQUE INDEX sync_entry_person ON sync_entry (person_id);

CREATE INDEX sync_entry_gone ON sync_entry (source, gone_us);
