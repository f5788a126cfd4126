-- Taxes and shipping. Decimals are TEXT: "8.25".

CREATE TABLE IF NOT EXISTS tax (
    tax_id INTEGER PRIMARY KEY AUTOINCREMENT,
    tax_type TEXT NOT NULL,
    tax_percentage TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS shipping_region (
    shipping_region_id INTEGER PRIMARY KEY AUTOINCREMENT,
    shipping_region TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS shipping (
    shipping_id INTEGER PRIMARY KEY AUTOINCREMENT,
    shipping_type TEXT NOT NULL,
    shipping_cost TEXT NOT NULL,
    shipping_region_id INTEGER NOT NULL
);

CREATE INDEX edge_shipping_region ON shipping (shipping_region_id);
