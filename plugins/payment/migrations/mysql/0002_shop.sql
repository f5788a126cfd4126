-- Whose charges are whose, where several shops have one account at the provider.

-- The shop, made once: one row.
CREATE TABLE IF NOT EXISTS payment_shop (
    one SMALLINT NOT NULL PRIMARY KEY,
    -- Random. It stands in idempotency keys and on charges.
    shop_id VARCHAR(64) NOT NULL,
    -- When a line of the log last told of events of other shops' charges.
    foreign_noted_on DATETIME(3) NULL,
    created_on DATETIME(3) NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- The shop that made the attempt; NULL for attempts from before there was one.
ALTER TABLE payment_attempt ADD COLUMN shop_id VARCHAR(64) NULL;

CREATE INDEX edge_payment_attempt_charge ON payment_attempt (charge_id);
