-- The texts that the search index has of each product: comparing them tells
-- what others changed. NULL for products that an older release took in.
ALTER TABLE product_search_state ADD COLUMN name TEXT;
ALTER TABLE product_search_state ADD COLUMN description TEXT;

-- The last product that was compared.
CREATE TABLE IF NOT EXISTS product_search_round (
    round_id INTEGER PRIMARY KEY,
    product_id INTEGER NOT NULL
);

INSERT INTO product_search_round (round_id, product_id) VALUES (1, 0);
