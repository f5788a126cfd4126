-- Payments. Amounts are whole cents.

-- Each time that somebody tries to pay an order.
CREATE TABLE IF NOT EXISTS payment_attempt (
    attempt_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    order_id BIGINT NOT NULL,
    -- The order's attempts count from 1.
    number INT NOT NULL,
    -- The order's id until it is certain that this attempt charges nothing, and
    -- the order service knows; NULL from then on. The unique key allows an
    -- order one such attempt.
    open_order_id BIGINT NULL,
    customer_id BIGINT NOT NULL,
    -- stripe or sandbox.
    provider VARCHAR(16) NOT NULL,
    -- Of the card; NULL once the attempt is settled.
    token VARCHAR(255) NULL,
    amount BIGINT NOT NULL,
    currency VARCHAR(8) NOT NULL,
    description VARCHAR(500) NOT NULL,
    -- open, captured, failed, suspicious or refunded.
    state VARCHAR(16) NOT NULL,
    -- Why it failed, or is suspicious.
    reason VARCHAR(255) NULL,
    charge_id VARCHAR(255) NULL,
    -- The provider's charge, as it was sent.
    charge MEDIUMTEXT NULL,
    refund_id VARCHAR(255) NULL,
    -- Who asks the provider has the attempt until then.
    busy_until DATETIME(3) NOT NULL,
    -- How often its outcome stayed unknown, or could not be told.
    tries INT NOT NULL DEFAULT 0,
    -- When scheduled work sees to it next; NULL when nothing is left to do.
    next_try_on DATETIME(3) NULL,
    -- When the order service was told the outcome.
    told_on DATETIME(3) NULL,
    created_on DATETIME(3) NOT NULL,
    changed_on DATETIME(3) NOT NULL,
    UNIQUE KEY edge_payment_attempt_open (open_order_id),
    UNIQUE KEY edge_payment_attempt_number (order_id, number),
    KEY edge_payment_attempt_next_try (next_try_on)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- Events of Stripe that have been received.
CREATE TABLE IF NOT EXISTS stripe_event (
    -- Bytes: ids that differ in case are different.
    event_id VARBINARY(255) NOT NULL PRIMARY KEY,
    kind VARCHAR(64) NOT NULL,
    charge_id VARCHAR(255) NOT NULL,
    -- What an operator should look at.
    alarm VARCHAR(255) NULL,
    received_on DATETIME(3) NOT NULL,
    -- When its effect was complete; NULL until then.
    done_on DATETIME(3) NULL,
    KEY edge_stripe_event_received (received_on)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- The ledger of the sandbox: what it answered, by idempotency key.
CREATE TABLE IF NOT EXISTS sandbox_charge (
    idempotency_key VARCHAR(255) NOT NULL PRIMARY KEY,
    charge_id VARCHAR(255) NOT NULL,
    order_id BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    currency VARCHAR(8) NOT NULL,
    -- 1 for a captured charge, 0 for a declined one.
    paid SMALLINT NOT NULL,
    refund_id VARCHAR(255) NULL,
    -- The answer: HTTP status and body.
    status SMALLINT NOT NULL,
    body MEDIUMTEXT NOT NULL,
    created_on DATETIME(3) NOT NULL,
    UNIQUE KEY edge_sandbox_charge_id (charge_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
