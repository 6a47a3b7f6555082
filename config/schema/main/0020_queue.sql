-- What RFC 6710, 4865, 2852 and 8689 ask of mail on its way, in what order it is served, what an operator holds back.

ALTER TABLE queue_message ADD COLUMN priority {small} NOT NULL DEFAULT 0;        -- RFC 6710 section 4, -9 to 9
ALTER TABLE queue_message ADD COLUMN hold_until_us {int} NOT NULL DEFAULT 0;     -- RFC 4865, 0 for at once
ALTER TABLE queue_message ADD COLUMN by_us {int} NOT NULL DEFAULT 0;             -- RFC 2852, 0 when nothing is asked for
ALTER TABLE queue_message ADD COLUMN by_mode TEXT NOT NULL DEFAULT '';           -- R or N, then T when a trace is asked for
ALTER TABLE queue_message ADD COLUMN requiretls {small} NOT NULL DEFAULT 0;      -- RFC 8689
ALTER TABLE queue_message ADD COLUMN body TEXT NOT NULL DEFAULT '7BIT';          -- 7BIT, 8BITMIME or BINARYMIME
ALTER TABLE queue_message ADD COLUMN junk {small} NOT NULL DEFAULT 0;            -- goes into the mailbox for junk

-- lane: '' for our own mailboxes, else the foreign domain. rank: 3 flash, 2 immediate, 1 priority, 0 routine.
ALTER TABLE queue_recipient ADD COLUMN lane TEXT NOT NULL DEFAULT '';
ALTER TABLE queue_recipient ADD COLUMN rank {small} NOT NULL DEFAULT 0;
ALTER TABLE queue_recipient ADD COLUMN hold_id {int} NOT NULL DEFAULT 0;         -- by whom it is held back, 0 for nobody

UPDATE queue_recipient SET lane = CASE WHEN local = 1 THEN '' ELSE domain END;

DROP INDEX queue_recipient_due;
ALTER TABLE queue_recipient DROP COLUMN local;

CREATE INDEX queue_recipient_lane ON queue_recipient (lane, rank, due_us);
CREATE INDEX queue_recipient_hold ON queue_recipient (hold_id) WHERE hold_id <> 0;

-- Foreign lanes with something in them: due_us is never later than the next try of any of its recipients, so the next
-- destination is found without a walk over recipients, however many there are.
CREATE TABLE queue_lane (
    lane TEXT NOT NULL,
    rank {small} NOT NULL,
    due_us {int} NOT NULL,
    PRIMARY KEY (lane, rank)
) {narrow};

CREATE INDEX queue_lane_due ON queue_lane (rank, due_us);

INSERT INTO queue_lane (lane, rank, due_us) SELECT lane, rank, MIN(due_us) FROM queue_recipient WHERE lane <> '' GROUP BY lane, rank;

-- Destinations that cannot be reached: after some failures in a row they rest until rest_us, then one try is made.
CREATE TABLE queue_destination (
    lane TEXT NOT NULL PRIMARY KEY,
    failures {int} NOT NULL,
    since_us {int} NOT NULL,
    rest_us {int} NOT NULL,
    reason TEXT NOT NULL
) {table};

-- What an operator holds back: one message, or whatever comes from a sender or goes to a destination, until it is released.
CREATE TABLE queue_hold (
    hold_id {int} NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,                  -- message, sender or destination
    value TEXT NOT NULL,
    reason TEXT NOT NULL,
    who TEXT NOT NULL,
    held_us {int} NOT NULL
) {table};

CREATE INDEX queue_hold_value ON queue_hold (value);

-- When people were last told of what goes on for longer than they want to hear of it.
CREATE TABLE queue_alarm (
    name TEXT NOT NULL PRIMARY KEY,
    told_us {int} NOT NULL
) {table};
