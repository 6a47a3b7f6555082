-- The model: names that change over time, functional boxes, domain aliases, attributes, visibility.
-- Two times run through it: valid_* is when something was so, recorded_us to superseded_us when the directory said so.

-- Versions of holdings. The present one has no superseded_us. Nothing is ever deleted or rewritten.
CREATE TABLE holding_version (
    holding_id {int} NOT NULL,
    post_id {int} NOT NULL REFERENCES post (post_id),
    person_id {int} NOT NULL REFERENCES person (person_id),
    kind TEXT NOT NULL,
    valid_from_us {int} NOT NULL,
    valid_to_us {int},
    decision_ref TEXT NOT NULL,
    recorded_us {int} NOT NULL,
    superseded_us {int},
    end_ref TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (holding_id, recorded_us)
) {table};

INSERT INTO holding_version (holding_id, post_id, person_id, kind, valid_from_us, valid_to_us, decision_ref, recorded_us)
    SELECT holding_id, post_id, person_id, kind, valid_from_us, valid_to_us, decision_ref, recorded_us FROM holding;

DROP TABLE holding;

ALTER TABLE holding_version RENAME TO holding;

CREATE INDEX holding_person ON holding (person_id, post_id);

CREATE INDEX holding_post ON holding (post_id);

-- What an entry was called, where it stood and whether it was open, from valid_from_us until its next fact of that aspect.
-- An aspect that never changed has no row here: then the entry's own row says it.
CREATE TABLE fact (
    entry_id {int} NOT NULL,
    aspect TEXT NOT NULL,
    valid_from_us {int} NOT NULL,
    recorded_us {int} NOT NULL,
    superseded_us {int},
    name_ar TEXT NOT NULL,
    name_fr TEXT NOT NULL,
    place_id {int},
    closed {small} NOT NULL,
    PRIMARY KEY (entry_id, aspect, valid_from_us, recorded_us)
) {narrow};

CREATE INDEX fact_place ON fact (place_id);

-- When the directory last changed what it says of an entry. No row: not since its creation.
CREATE TABLE changed (
    entry_id {int} PRIMARY KEY,
    changed_us {int} NOT NULL
) {table};

CREATE INDEX changed_time ON changed (changed_us, entry_id);

ALTER TABLE organisation ADD COLUMN closed_us {int};

-- kind says what the unit is for, in every administration alike. A unit with an address is a mailbox.
ALTER TABLE unit ADD COLUMN kind TEXT NOT NULL DEFAULT '';
ALTER TABLE unit ADD COLUMN address TEXT;
ALTER TABLE unit ADD COLUMN closed_us {int};

ALTER TABLE post ADD COLUMN post_function TEXT NOT NULL DEFAULT '';

-- alias_of: mail for local@name goes to local@alias_of. shared: administrations below the owner may take addresses in it.
ALTER TABLE domain ADD COLUMN alias_of TEXT;
ALTER TABLE domain ADD COLUMN shared {small} NOT NULL DEFAULT 0;
ALTER TABLE domain ADD COLUMN closed_us {int};

CREATE INDEX domain_alias ON domain (alias_of);

-- The closed list of attributes, '' for what is not known.
CREATE TABLE attributes (
    account_id {int} PRIMARY KEY,
    given_ar TEXT NOT NULL,
    given_fr TEXT NOT NULL,
    surname_ar TEXT NOT NULL,
    surname_fr TEXT NOT NULL,
    phone TEXT NOT NULL,
    mobile TEXT NOT NULL,
    fax TEXT NOT NULL,
    room TEXT NOT NULL,
    employee_number TEXT NOT NULL
) {table};

-- Who may see what, where that differs from the rule for everybody.
CREATE TABLE visibility (
    account_id {int} NOT NULL,
    attribute TEXT NOT NULL,
    audience TEXT NOT NULL,
    PRIMARY KEY (account_id, attribute)
) {narrow};
