-- Hashes of other back ends take up to 255 characters: Werkzeug's of scrypt 162.
ALTER TABLE customer MODIFY COLUMN password VARCHAR(255) NULL;

-- Addresses that others write are unique, too: the server computes this key from
-- `email`, whoever writes it, as 0001 lowered case. src/lookup.rs looks it up.
--
-- Where several rows have one address already, the one that has its key keeps
-- it, or the first: the others are noted, and have none that they could log in
-- by, until theirs is another. Of addresses that one row has there is nothing to
-- note: MariaDB would compare each row with all of them.
--
-- supersedes: 21081310b8a4aa68b5d6b42b9416318e2b2e158ae86f8b11a3c82e52febf1c0b9fbcd87dae6004c2c10e3b7ea86cb81e
ALTER TABLE customer
    ADD COLUMN email_shared VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL;

UPDATE customer
    JOIN (
        SELECT
            COALESCE(
                MIN(CASE WHEN email_key = lowered THEN customer_id END),
                MIN(CASE WHEN email_key IS NOT NULL THEN customer_id END),
                MIN(customer_id)
            ) AS customer_id,
            lowered
        FROM (
            SELECT customer_id, email_key,
                SUBSTR(REPLACE(LOWER(REPLACE(TRIM(email), 'İ', 'i̇')), 'ς', 'σ'), 1, 255) AS lowered
            FROM customer
        ) every_row
        GROUP BY lowered
        HAVING COUNT(*) > 1
    ) holder ON holder.lowered = SUBSTR(REPLACE(LOWER(REPLACE(TRIM(customer.email), 'İ', 'i̇')), 'ς', 'σ'), 1, 255)
    SET customer.email_shared = holder.lowered
    WHERE customer.customer_id <> holder.customer_id;

ALTER TABLE customer
    ADD COLUMN email_unique VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
    GENERATED ALWAYS AS (
        NULLIF(
            NULLIF(SUBSTR(REPLACE(LOWER(REPLACE(TRIM(email), 'İ', 'i̇')), 'ς', 'σ'), 1, 255), ''),
            email_shared
        )
    ) VIRTUAL;
CREATE UNIQUE INDEX edge_customer_email_unique ON customer (email_unique);

-- Mails that reset a password and are still to be sent, whether or not the
-- address is an account's.
CREATE TABLE customer_reset_mail (
    email_key VARCHAR(200) NOT NULL PRIMARY KEY,
    email VARCHAR(100) NOT NULL,
    attempts INT NOT NULL,
    due_on DATETIME(3) NOT NULL,
    KEY edge_customer_reset_mail_due (due_on)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Tokens that were sent: SHA-256 digests, one for each customer.
CREATE TABLE customer_reset_token (
    customer_id BIGINT NOT NULL PRIMARY KEY,
    token_hash CHAR(64) NOT NULL,
    email_key VARCHAR(200) NOT NULL,
    expires_on DATETIME(3) NOT NULL,
    UNIQUE KEY edge_customer_reset_token_hash (token_hash),
    KEY edge_customer_reset_token_expires (expires_on)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
