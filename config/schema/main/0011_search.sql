-- Search and whom one writes to.

-- the correspondents of each person whom the directory knows, the latest so many of them
CREATE TABLE recent (
    person_id {int} NOT NULL,
    account_id {int} NOT NULL,
    at_us {int} NOT NULL,
    PRIMARY KEY (person_id, account_id)
) {narrow};
