-- How much each person and administration may send and has sent, and how urgent it may be.

-- holder_id: a person or an administration. NULL: what the settings of the node say. 0: no limit. priority: RFC 6710, 0 to 9.
CREATE TABLE sending_limit (
    holder_id {int} PRIMARY KEY,
    messages_hour {int},
    messages_day {int},
    recipients_hour {int},
    recipients_day {int},
    priority {int}
) {table};

-- hour: since 1970. Rows of the day before yesterday go when the holder sends again.
CREATE TABLE sending_count (
    holder_id {int} NOT NULL,
    hour {int} NOT NULL,
    messages {int} NOT NULL,
    recipients {int} NOT NULL,
    PRIMARY KEY (holder_id, hour)
) {narrow};
