-- The directory: who exists, which function each holds on which day, and with what they sign in.
-- Times are microseconds since 1970 UTC. Accounts are people and posts, numbered from one counter ('entity').
-- Keys that are scanned by prefix are octets (UTF-8), so that both engines order them alike whatever their collation.

CREATE TABLE counter (
    name TEXT PRIMARY KEY,
    value {int} NOT NULL
) {table};

INSERT INTO counter (name, value) VALUES ('entity', 0);

CREATE TABLE organisation (
    organisation_id {int} PRIMARY KEY,
    parent_id {int},
    kind TEXT NOT NULL,
    code TEXT NOT NULL UNIQUE,
    name_ar TEXT NOT NULL,
    name_fr TEXT NOT NULL,
    created_us {int} NOT NULL
) {table};

CREATE INDEX organisation_parent ON organisation (parent_id);

CREATE TABLE domain (
    name TEXT PRIMARY KEY,
    organisation_id {int} NOT NULL REFERENCES organisation (organisation_id),
    created_us {int} NOT NULL
) {table};

CREATE INDEX domain_organisation ON domain (organisation_id);

CREATE TABLE unit (
    unit_id {int} PRIMARY KEY,
    organisation_id {int} NOT NULL REFERENCES organisation (organisation_id),
    parent_id {int} REFERENCES unit (unit_id),
    code TEXT NOT NULL,
    name_ar TEXT NOT NULL,
    name_fr TEXT NOT NULL,
    created_us {int} NOT NULL,
    UNIQUE (organisation_id, code)
) {table};

CREATE INDEX unit_parent ON unit (parent_id);

-- rank: 1 leads the organisation, larger numbers stand lower
CREATE TABLE post (
    post_id {int} PRIMARY KEY,
    unit_id {int} NOT NULL REFERENCES unit (unit_id),
    title_ar TEXT NOT NULL,
    title_fr TEXT NOT NULL,
    post_rank {int} NOT NULL,
    address TEXT NOT NULL,
    created_us {int} NOT NULL,
    closed_us {int}
) {table};

CREATE INDEX post_unit ON post (unit_id);

-- unit_id: where the person works now, if anywhere. credential_epoch grows with each change that must end earlier sign-ins.
CREATE TABLE person (
    person_id {int} PRIMARY KEY,
    unit_id {int} REFERENCES unit (unit_id),
    name_ar TEXT NOT NULL,
    name_fr TEXT NOT NULL,
    language TEXT NOT NULL,
    address TEXT NOT NULL,
    credential_epoch {int} NOT NULL,
    created_us {int} NOT NULL,
    closed_us {int}
) {table};

CREATE INDEX person_unit ON person (unit_id);

-- never deleted: who acted for a post on a day must be answerable for ever
CREATE TABLE holding (
    holding_id {int} PRIMARY KEY,
    post_id {int} NOT NULL REFERENCES post (post_id),
    person_id {int} NOT NULL REFERENCES person (person_id),
    kind TEXT NOT NULL,
    valid_from_us {int} NOT NULL,
    valid_to_us {int},
    decision_ref TEXT NOT NULL,
    recorded_us {int} NOT NULL,
    ended_us {int}
) {table};

CREATE INDEX holding_person ON holding (person_id, post_id);

CREATE INDEX holding_post ON holding (post_id);

-- a closed address resolves to nobody, and is never given to anybody else
CREATE TABLE address (
    folded {bytes} PRIMARY KEY,
    address TEXT NOT NULL,
    account_id {int} NOT NULL,
    kind TEXT NOT NULL,
    created_us {int} NOT NULL,
    closed_us {int}
) {narrow};

CREATE INDEX address_account ON address (account_id);

CREATE TABLE password (
    person_id {int} PRIMARY KEY REFERENCES person (person_id),
    hash TEXT NOT NULL,
    changed_us {int} NOT NULL
) {table};

CREATE TABLE app_password (
    person_id {int} NOT NULL REFERENCES person (person_id),
    app_password_id {int} NOT NULL,
    sha256 {bytes} NOT NULL,
    scopes TEXT NOT NULL,
    label TEXT NOT NULL,
    created_us {int} NOT NULL,
    last_used_us {int},
    revoked_us {int},
    PRIMARY KEY (person_id, app_password_id)
) {table};

-- chain: a MessagePack list of DER certificates, the issuer first
CREATE TABLE certificate (
    account_id {int} NOT NULL,
    certificate_id {int} NOT NULL,
    purpose TEXT NOT NULL,
    key_id TEXT NOT NULL,
    der {bytes} NOT NULL,
    chain {bytes} NOT NULL,
    valid_from_us {int} NOT NULL,
    valid_to_us {int} NOT NULL,
    recorded_us {int} NOT NULL,
    revoked_us {int},
    PRIMARY KEY (account_id, certificate_id)
) {table};

CREATE TABLE search_token (
    token {bytes} NOT NULL,
    account_id {int} NOT NULL,
    PRIMARY KEY (token, account_id)
) {narrow};

CREATE INDEX search_token_account ON search_token (account_id, token);
