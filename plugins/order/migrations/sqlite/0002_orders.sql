-- Orders. Decimals and times are TEXT: "14.99", "2019-07-21T08:56:02.000Z".
--
-- status: 0 new, 1 paid, 2 cancelled, 3 shipped, 4 refunded.
-- reserved, the order's stock: 0 asked for, 1 taken, 2 none, 3 to be put back,
-- 4 never got: the order is to be deleted. Customers do not see 0 and 4.
-- held: 1 while the order is being paid for, or its charge given back.
-- cart_generation, a random number that tells apart what was in a cart: NULL
-- once the order no longer stands for it.

CREATE TABLE IF NOT EXISTS orders (
    order_id INTEGER PRIMARY KEY AUTOINCREMENT,
    total_amount TEXT NOT NULL DEFAULT '0.00',
    created_on TEXT NOT NULL,
    shipped_on TEXT,
    status INTEGER NOT NULL DEFAULT 0,
    comments TEXT,
    customer_id INTEGER,
    auth_code TEXT,
    reference TEXT,
    shipping_id INTEGER,
    tax_id INTEGER
);

CREATE TABLE IF NOT EXISTS order_detail (
    item_id INTEGER PRIMARY KEY AUTOINCREMENT,
    order_id INTEGER NOT NULL,
    product_id INTEGER NOT NULL,
    attributes TEXT NOT NULL,
    product_name TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    unit_cost TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS audit (
    audit_id INTEGER PRIMARY KEY AUTOINCREMENT,
    order_id INTEGER NOT NULL,
    created_on TEXT NOT NULL,
    message TEXT NOT NULL,
    code INTEGER NOT NULL
);

ALTER TABLE orders ADD COLUMN cart_id TEXT;
ALTER TABLE orders ADD COLUMN cart_generation INTEGER;
ALTER TABLE orders ADD COLUMN reserved INTEGER NOT NULL DEFAULT 2;
ALTER TABLE orders ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN currency TEXT NOT NULL DEFAULT 'usd';
ALTER TABLE orders ADD COLUMN shipping_cost TEXT NOT NULL DEFAULT '0.00';
ALTER TABLE orders ADD COLUMN tax_amount TEXT NOT NULL DEFAULT '0.00';

CREATE UNIQUE INDEX edge_orders_cart ON orders (cart_id, cart_generation);
CREATE INDEX edge_orders_customer ON orders (customer_id, order_id);
CREATE INDEX edge_orders_status ON orders (status, created_on);
CREATE INDEX edge_orders_reserved ON orders (reserved, created_on);
CREATE INDEX edge_order_detail_order ON order_detail (order_id, item_id);
CREATE INDEX edge_audit_order ON audit (order_id);

-- Requests to order that carried an Idempotency-Key. The key is hashed: no
-- collation can take two keys for one. Without a status, the request is being
-- worked on, by whoever has the lock_id.
CREATE TABLE order_idempotency (
    idempotency_id INTEGER PRIMARY KEY AUTOINCREMENT,
    customer_id INTEGER NOT NULL,
    key_hash TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    lock_id INTEGER NOT NULL,
    locked_on TEXT NOT NULL,
    created_on TEXT NOT NULL,
    order_id INTEGER,
    status INTEGER,
    body TEXT
);

CREATE UNIQUE INDEX edge_order_idempotency_key ON order_idempotency (customer_id, key_hash);
CREATE INDEX edge_order_idempotency_created ON order_idempotency (created_on);

-- Confirmations of payment, one for an order.
-- state: 0 to be sent, 1 sent, 2 given up.
CREATE TABLE mail_outbox (
    mail_id INTEGER PRIMARY KEY AUTOINCREMENT,
    order_id INTEGER NOT NULL,
    state INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    due_on TEXT NOT NULL,
    created_on TEXT NOT NULL
);

CREATE UNIQUE INDEX edge_mail_outbox_order ON mail_outbox (order_id);
CREATE INDEX edge_mail_outbox_due ON mail_outbox (state, due_on);
