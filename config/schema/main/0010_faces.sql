-- What the directory's faces remember.

-- Entries that a person keeps at hand: an address book of one's own choice.
CREATE TABLE favourite (
    person_id {int} NOT NULL,
    account_id {int} NOT NULL,
    added_us {int} NOT NULL,
    PRIMARY KEY (person_id, account_id)
) {narrow};

-- Address books as their owner's devices last saw them. seq grows with each change of a card, floor is the seq up to which
-- removed cards are forgotten. looked_us is when all cards were last looked at, viewpoint who looked from where and at whom.
CREATE TABLE dav_book (
    person_id {int} NOT NULL,
    book TEXT NOT NULL,
    seq {int} NOT NULL,
    floor {int} NOT NULL,
    looked_us {int} NOT NULL,
    viewpoint {bytes} NOT NULL,
    PRIMARY KEY (person_id, book)
) {narrow};

CREATE TABLE dav_card (
    person_id {int} NOT NULL,
    book TEXT NOT NULL,
    account_id {int} NOT NULL,
    digest {bytes} NOT NULL,
    seq {int} NOT NULL,
    gone {small} NOT NULL,
    PRIMARY KEY (person_id, book, account_id)
) {narrow};

-- What an HR system calls an entry, so that it finds it again. Each service account has names of its own.
CREATE TABLE scim_name (
    service_id {int} NOT NULL,
    kind TEXT NOT NULL,
    entry_id {int} NOT NULL,
    external_id TEXT NOT NULL,
    PRIMARY KEY (service_id, kind, entry_id)
) {narrow};

CREATE INDEX scim_name_external ON scim_name (service_id, kind, external_id);

-- Entries that an HR system has deleted: they stay in the directory, closed, but that system does not see them any more.
CREATE TABLE scim_gone (
    service_id {int} NOT NULL,
    entry_id {int} NOT NULL,
    gone_us {int} NOT NULL,
    PRIMARY KEY (service_id, entry_id)
) {narrow};
