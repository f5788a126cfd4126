CREATE TABLE ticket (
    ticket_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    held_until DATETIME(3) NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
CREATE INDEX ticket_held_until ON ticket (held_until);
