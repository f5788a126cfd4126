-- The customers. The table of an existing tshirtshop database keeps its
-- columns and rows.
CREATE TABLE IF NOT EXISTS customer (
    customer_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name VARCHAR(50) NOT NULL,
    email VARCHAR(100) NOT NULL,
    password VARCHAR(100),
    credit_card TEXT,
    address_1 VARCHAR(100),
    address_2 VARCHAR(100),
    city VARCHAR(100),
    region VARCHAR(100),
    postal_code VARCHAR(100),
    country VARCHAR(100),
    shipping_region_id INT NOT NULL DEFAULT 1,
    day_phone VARCHAR(100),
    eve_phone VARCHAR(100),
    mob_phone VARCHAR(100),
    UNIQUE KEY edge_customer_email (email)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- What an existing table may hold is only widened: any character where it was
-- latin1, and `ü` beside `u`, which are one under its unique key on `email`.
ALTER TABLE customer ENGINE = InnoDB, ROW_FORMAT = DYNAMIC;
ALTER TABLE customer CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- The conversion makes TEXT a MEDIUMTEXT. Customers of Facebook have no
-- password, and the hashes of others take 97 characters.
ALTER TABLE customer
    MODIFY COLUMN password VARCHAR(100) NULL,
    MODIFY COLUMN credit_card TEXT NULL;

ALTER TABLE customer
    -- The address as it is compared: src/rules/email.rs.
    ADD COLUMN email_key VARCHAR(200) NULL,
    ADD COLUMN facebook_id VARCHAR(64) NULL,
    ADD COLUMN role VARCHAR(20) NOT NULL DEFAULT 'customer';

-- As src/rules/email.rs lowers case. Where several rows have one address, the
-- first keeps it; the others have none that they could log in by.
UPDATE customer
    JOIN (
        SELECT MIN(customer_id) AS customer_id, lowered
        FROM (
            SELECT customer_id, REPLACE(LOWER(REPLACE(email, 'İ', 'i̇')), 'ς', 'σ') AS lowered
            FROM customer
        ) every_row
        GROUP BY lowered
    ) first_row ON first_row.customer_id = customer.customer_id
    SET customer.email_key = first_row.lowered;

CREATE UNIQUE INDEX edge_customer_email_key ON customer (email_key);
CREATE UNIQUE INDEX edge_customer_facebook ON customer (facebook_id);
