-- Orders. Tables of an existing tshirtshop database keep their rows and
-- columns; what is ours is added to them. They may be MyISAM, which has no
-- transactions, and of a character set without emoji.
--
-- status: 0 new, 1 paid, 2 cancelled, 3 shipped, 4 refunded.
-- reserved, the order's stock: 0 asked for, 1 taken, 2 none, 3 to be put back,
-- 4 never got: the order is to be deleted. Customers do not see 0 and 4.
-- held: 1 while the order is being paid for, or its charge given back.
-- cart_generation, a random number that tells apart what was in a cart (and
-- carts whose ids differ by case alone): NULL once the order no longer stands
-- for it.

CREATE TABLE IF NOT EXISTS orders (
    order_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    total_amount DECIMAL(10, 2) NOT NULL DEFAULT 0.00,
    created_on DATETIME NOT NULL,
    shipped_on DATETIME,
    status INT NOT NULL DEFAULT 0,
    comments VARCHAR(255),
    customer_id INT,
    auth_code VARCHAR(50),
    reference VARCHAR(50),
    shipping_id INT,
    tax_id INT
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE IF NOT EXISTS order_detail (
    item_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    order_id INT NOT NULL,
    product_id INT NOT NULL,
    attributes VARCHAR(1000) NOT NULL,
    product_name VARCHAR(100) NOT NULL,
    quantity INT NOT NULL,
    unit_cost DECIMAL(10, 2) NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE IF NOT EXISTS audit (
    audit_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    order_id INT NOT NULL,
    created_on DATETIME NOT NULL,
    message TEXT NOT NULL,
    code INT NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

ALTER TABLE orders
    ENGINE = InnoDB,
    ADD COLUMN cart_id VARCHAR(32) CHARACTER SET ascii,
    ADD COLUMN cart_generation BIGINT,
    ADD COLUMN reserved SMALLINT NOT NULL DEFAULT 2,
    ADD COLUMN held SMALLINT NOT NULL DEFAULT 0,
    ADD COLUMN currency VARCHAR(3) NOT NULL DEFAULT 'usd',
    ADD COLUMN shipping_cost DECIMAL(10, 2) NOT NULL DEFAULT 0.00,
    ADD COLUMN tax_amount DECIMAL(10, 2) NOT NULL DEFAULT 0.00;

ALTER TABLE order_detail ENGINE = InnoDB, CONVERT TO CHARACTER SET utf8mb4;
ALTER TABLE audit ENGINE = InnoDB;

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
    idempotency_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    customer_id INT NOT NULL,
    key_hash CHAR(64) CHARACTER SET ascii NOT NULL,
    fingerprint CHAR(64) CHARACTER SET ascii NOT NULL,
    lock_id BIGINT NOT NULL,
    locked_on DATETIME(3) NOT NULL,
    created_on DATETIME(3) NOT NULL,
    order_id INT,
    status SMALLINT,
    body TEXT
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE UNIQUE INDEX edge_order_idempotency_key ON order_idempotency (customer_id, key_hash);
CREATE INDEX edge_order_idempotency_created ON order_idempotency (created_on);

-- Confirmations of payment, one for an order.
-- state: 0 to be sent, 1 sent, 2 given up.
CREATE TABLE mail_outbox (
    mail_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    order_id INT NOT NULL,
    state SMALLINT NOT NULL DEFAULT 0,
    attempts INT NOT NULL DEFAULT 0,
    due_on DATETIME(3) NOT NULL,
    created_on DATETIME(3) NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE UNIQUE INDEX edge_mail_outbox_order ON mail_outbox (order_id);
CREATE INDEX edge_mail_outbox_due ON mail_outbox (state, due_on);
