-- Taxes and shipping. Tables of an existing tshirtshop database are left as
-- they are; the index is added to them. Its name carries a prefix, so as not
-- to meet one that is there.

CREATE TABLE IF NOT EXISTS tax (
    tax_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    tax_type VARCHAR(100) NOT NULL,
    tax_percentage DECIMAL(10, 2) NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE IF NOT EXISTS shipping_region (
    shipping_region_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    shipping_region VARCHAR(100) NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE IF NOT EXISTS shipping (
    shipping_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    shipping_type VARCHAR(100) NOT NULL,
    shipping_cost DECIMAL(10, 2) NOT NULL,
    shipping_region_id INT NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE INDEX edge_shipping_region ON shipping (shipping_region_id);
