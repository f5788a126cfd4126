-- Payments. Instants are TEXT: "2019-07-21T08:56:02.000Z"; amounts are whole cents.

-- Each time that somebody tries to pay an order.
CREATE TABLE IF NOT EXISTS payment_attempt (
    attempt_id INTEGER PRIMARY KEY AUTOINCREMENT,
    order_id INTEGER NOT NULL,
    -- The order's attempts count from 1.
    number INTEGER NOT NULL,
    -- The order's id until it is certain that this attempt charges nothing, and
    -- the order service knows; NULL from then on. The unique key allows an
    -- order one such attempt.
    open_order_id INTEGER,
    customer_id INTEGER NOT NULL,
    -- stripe or sandbox.
    provider TEXT NOT NULL,
    -- Of the card; NULL once the attempt is settled.
    token TEXT,
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    description TEXT NOT NULL,
    -- open, captured, failed, suspicious or refunded.
    state TEXT NOT NULL,
    -- Why it failed, or is suspicious.
    reason TEXT,
    charge_id TEXT,
    -- The provider's charge, as it was sent.
    charge TEXT,
    refund_id TEXT,
    -- Who asks the provider has the attempt until then.
    busy_until TEXT NOT NULL,
    -- How often its outcome stayed unknown, or could not be told.
    tries INTEGER NOT NULL DEFAULT 0,
    -- When scheduled work sees to it next; NULL when nothing is left to do.
    next_try_on TEXT,
    -- When the order service was told the outcome.
    told_on TEXT,
    created_on TEXT NOT NULL,
    changed_on TEXT NOT NULL
);

CREATE UNIQUE INDEX edge_payment_attempt_open ON payment_attempt (open_order_id);
CREATE UNIQUE INDEX edge_payment_attempt_number ON payment_attempt (order_id, number);
CREATE INDEX edge_payment_attempt_next_try ON payment_attempt (next_try_on);

-- Events of Stripe that have been received.
CREATE TABLE IF NOT EXISTS stripe_event (
    event_id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    charge_id TEXT NOT NULL,
    -- What an operator should look at.
    alarm TEXT,
    received_on TEXT NOT NULL,
    -- When its effect was complete; NULL until then.
    done_on TEXT
) WITHOUT ROWID;

CREATE INDEX edge_stripe_event_received ON stripe_event (received_on);

-- The ledger of the sandbox: what it answered, by idempotency key.
CREATE TABLE IF NOT EXISTS sandbox_charge (
    idempotency_key TEXT NOT NULL PRIMARY KEY,
    charge_id TEXT NOT NULL,
    order_id INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    -- 1 for a captured charge, 0 for a declined one.
    paid INTEGER NOT NULL,
    refund_id TEXT,
    -- The answer: HTTP status and body.
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    created_on TEXT NOT NULL
) WITHOUT ROWID;

CREATE UNIQUE INDEX edge_sandbox_charge_id ON sandbox_charge (charge_id);
