-- The catalog. Decimals and times are TEXT: "14.99", "2019-07-21T08:56:02.000Z".

CREATE TABLE IF NOT EXISTS department (
    department_id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    description TEXT
);

CREATE TABLE IF NOT EXISTS category (
    category_id INTEGER PRIMARY KEY AUTOINCREMENT,
    department_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    description TEXT
);

CREATE TABLE IF NOT EXISTS product (
    product_id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    price TEXT NOT NULL,
    discounted_price TEXT NOT NULL DEFAULT '0.00',
    image TEXT,
    image_2 TEXT,
    thumbnail TEXT,
    display INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE IF NOT EXISTS product_category (
    product_id INTEGER NOT NULL,
    category_id INTEGER NOT NULL,
    PRIMARY KEY (product_id, category_id)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS attribute (
    attribute_id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS attribute_value (
    attribute_value_id INTEGER PRIMARY KEY AUTOINCREMENT,
    attribute_id INTEGER NOT NULL,
    value TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS product_attribute (
    product_id INTEGER NOT NULL,
    attribute_value_id INTEGER NOT NULL,
    PRIMARY KEY (product_id, attribute_value_id)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS review (
    review_id INTEGER PRIMARY KEY AUTOINCREMENT,
    customer_id INTEGER NOT NULL,
    product_id INTEGER NOT NULL,
    review TEXT NOT NULL,
    rating INTEGER NOT NULL,
    created_on TEXT NOT NULL
);

CREATE INDEX edge_category_department ON category (department_id);
-- Narrow: what COUNT(*) walks instead of the whole table.
CREATE INDEX edge_product_display ON product (display);
CREATE INDEX edge_product_category_category ON product_category (category_id, product_id);
CREATE INDEX edge_attribute_value_attribute ON attribute_value (attribute_id);
CREATE INDEX edge_review_product ON review (product_id, created_on);
