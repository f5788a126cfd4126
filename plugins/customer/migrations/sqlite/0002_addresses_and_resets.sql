-- Addresses that others write are unique, too: the key of this index is
-- computed from `email`, whoever writes it. src/lookup.rs looks it up by the
-- same expression. SQLite lowers ASCII alone.
--
-- Where several rows have one address already, the one that has its key keeps
-- it, or the first: the others are noted, and have none that they could log in
-- by, until theirs is another.
ALTER TABLE customer ADD COLUMN email_shared TEXT;

UPDATE customer SET email_shared = LOWER(TRIM(email))
    WHERE customer_id NOT IN (
        SELECT COALESCE(
            MIN(CASE WHEN email_key = LOWER(TRIM(email)) THEN customer_id END),
            MIN(CASE WHEN email_key IS NOT NULL THEN customer_id END),
            MIN(customer_id)
        )
        FROM customer
        GROUP BY LOWER(TRIM(email))
    );

CREATE UNIQUE INDEX edge_customer_email_unique
    ON customer (NULLIF(NULLIF(LOWER(TRIM(email)), ''), email_shared));

-- Mails that reset a password and are still to be sent, whether or not the
-- address is an account's.
CREATE TABLE customer_reset_mail (
    email_key TEXT NOT NULL PRIMARY KEY,
    email TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    due_on TEXT NOT NULL
);
CREATE INDEX edge_customer_reset_mail_due ON customer_reset_mail (due_on);

-- Tokens that were sent: SHA-256 digests, one for each customer.
CREATE TABLE customer_reset_token (
    customer_id INTEGER NOT NULL PRIMARY KEY,
    token_hash TEXT NOT NULL UNIQUE,
    email_key TEXT NOT NULL,
    expires_on TEXT NOT NULL
);
CREATE INDEX edge_customer_reset_token_expires ON customer_reset_token (expires_on);
