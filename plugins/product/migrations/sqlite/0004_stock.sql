-- How many of a product are left; NULL for one that never runs out.
ALTER TABLE product ADD COLUMN stock INTEGER CHECK (stock >= 0);

-- What was taken out of stock for others, such as an order. Rows stay, so that
-- the same reservation is never made twice, nor after it was released.
CREATE TABLE IF NOT EXISTS product_reservation (
    reservation BLOB NOT NULL PRIMARY KEY,
    created_on TEXT NOT NULL,
    released_on TEXT
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS product_reservation_line (
    reservation BLOB NOT NULL,
    product_id INTEGER NOT NULL,
    quantity INTEGER NOT NULL,
    PRIMARY KEY (reservation, product_id)
) WITHOUT ROWID;
