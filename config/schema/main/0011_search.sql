-- Search and whom one writes to.

DROP TABLE search_token;

-- Terms and the accounts that stand under them, see directory/postings.py.
CREATE TABLE search_posting (
    term {bytes} NOT NULL,
    chunk {int} NOT NULL,
    bits {bytes} NOT NULL,
    PRIMARY KEY (term, chunk)
) {narrow};

-- The words under whose terms accounts stand: JSON by account id, for some accounts in a row.
CREATE TABLE search_entry (
    block {int} PRIMARY KEY,
    entries TEXT NOT NULL
) {table};

-- its row is the lock of the index
INSERT INTO counter (name, value) VALUES ('search', 0);

-- up to when dates of functions that have come are in the index
INSERT INTO counter (name, value) VALUES ('search_until_us', 0);

-- the correspondents of each person whom the directory knows, the latest so many of them
CREATE TABLE recent (
    person_id {int} NOT NULL,
    account_id {int} NOT NULL,
    at_us {int} NOT NULL,
    PRIMARY KEY (person_id, account_id)
) {narrow};
