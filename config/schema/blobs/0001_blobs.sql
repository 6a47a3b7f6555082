-- Encrypted message bytes. data is NULL when they stand in a file of their own.

CREATE TABLE blob (
    blob_id {bytes} PRIMARY KEY,
    stored_bytes {int} NOT NULL,
    touched_us {int} NOT NULL,
    data {bytes}
) {table};

CREATE INDEX blob_touched ON blob (touched_us);
