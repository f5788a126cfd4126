-- The customers. A table that is there already keeps its columns and rows.
CREATE TABLE IF NOT EXISTS customer (
    customer_id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    email TEXT NOT NULL UNIQUE,
    password TEXT,
    credit_card TEXT,
    address_1 TEXT,
    address_2 TEXT,
    city TEXT,
    region TEXT,
    postal_code TEXT,
    country TEXT,
    shipping_region_id INTEGER NOT NULL DEFAULT 1,
    day_phone TEXT,
    eve_phone TEXT,
    mob_phone TEXT
);

-- The address as it is compared: src/rules/email.rs.
ALTER TABLE customer ADD COLUMN email_key TEXT;
ALTER TABLE customer ADD COLUMN facebook_id TEXT;
ALTER TABLE customer ADD COLUMN role TEXT NOT NULL DEFAULT 'customer';

-- SQLite lowers ASCII alone. Where several rows have one address, the first
-- keeps it; the others have none that they could log in by.
UPDATE customer SET email_key = LOWER(email)
    WHERE customer_id IN (SELECT MIN(customer_id) FROM customer GROUP BY LOWER(email));

CREATE UNIQUE INDEX edge_customer_email_key ON customer (email_key);
CREATE UNIQUE INDEX edge_customer_facebook ON customer (facebook_id);
