-- Small sealed blobs stand beside what names them, so that one commit makes a message durable. Those of before are read where
-- they are, in the blob database. No index over touched_us: the sweep goes through them by name.
CREATE TABLE small_blob (
    blob_id {bytes} PRIMARY KEY,
    touched_us {int} NOT NULL,
    data {bytes} NOT NULL
) {table};
