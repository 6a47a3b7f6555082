-- How far back the tombstones of a mailbox reach: all removals after this modseq still have one, those before may have none.
-- The sweep moves it in the transaction that drops tombstones (RFC 7162 section 3.2.6).
ALTER TABLE mailbox ADD COLUMN complete_since {int} NOT NULL DEFAULT 0;
