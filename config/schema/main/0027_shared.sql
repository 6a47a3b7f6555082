-- What lists show of a message that came to many accounts at once, sealed once under a key made of the blob's (decision 0025).
-- Such a message has an empty summary and no header of its own. touched_us: when one was last delivered.
CREATE TABLE shared_face (
    blob_id {bytes} PRIMARY KEY,
    touched_us {int} NOT NULL,
    summary {bytes} NOT NULL,
    header {bytes} NOT NULL
) {table};
