-- Whose charges are whose, where several shops have one account at the provider.

-- The shop, made once: one row.
CREATE TABLE IF NOT EXISTS payment_shop (
    one INTEGER NOT NULL PRIMARY KEY,
    -- Random. It stands in idempotency keys and on charges.
    shop_id TEXT NOT NULL,
    -- When a line of the log last told of events of other shops' charges.
    foreign_noted_on TEXT,
    created_on TEXT NOT NULL
);

-- The shop that made the attempt; NULL for attempts from before there was one.
ALTER TABLE payment_attempt ADD COLUMN shop_id TEXT;

CREATE INDEX edge_payment_attempt_charge ON payment_attempt (charge_id);
