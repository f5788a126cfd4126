-- What a customer's unpaid orders hold, so that nobody holds all of a shop.

-- Pieces of an order's products whose stock is counted.
ALTER TABLE orders ADD COLUMN counted_pieces INTEGER NOT NULL DEFAULT 0;

CREATE INDEX edge_orders_unpaid ON orders (customer_id, status, reserved, counted_pieces);

-- Whose turn it is to order for a customer: who updates the customer's row has
-- it until the transaction ends.
CREATE TABLE order_turn (
    customer_id INTEGER PRIMARY KEY,
    turns INTEGER NOT NULL
);

-- What is deleted after its time.
CREATE INDEX edge_mail_outbox_created ON mail_outbox (created_on);
