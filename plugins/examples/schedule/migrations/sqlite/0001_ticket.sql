CREATE TABLE ticket (
    ticket_id INTEGER PRIMARY KEY AUTOINCREMENT,
    held_until TEXT NOT NULL
);
CREATE INDEX ticket_held_until ON ticket (held_until);
