-- How many of a product are left; NULL for one that never runs out. Wide
-- enough for whatever a release may put back.
ALTER TABLE product ADD COLUMN stock BIGINT NULL CHECK (stock >= 0);

-- What was taken out of stock for others, such as an order. Rows stay, so that
-- the same reservation is never made twice, nor after it was released. Names
-- are bytes, so that no collation has a say in which are the same.
CREATE TABLE IF NOT EXISTS product_reservation (
    reservation VARBINARY(255) NOT NULL PRIMARY KEY,
    created_on DATETIME(3) NOT NULL,
    released_on DATETIME(3) NULL
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS product_reservation_line (
    reservation VARBINARY(255) NOT NULL,
    product_id INT NOT NULL,
    quantity BIGINT NOT NULL,
    PRIMARY KEY (reservation, product_id)
) ENGINE = InnoDB;
