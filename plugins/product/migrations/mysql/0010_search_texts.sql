-- The texts that the search index has of each product: comparing them tells
-- what others changed. NULL for products that an older release took in. The
-- collation tells all texts apart, except by blanks at the end.
ALTER TABLE product_search_state
    ADD COLUMN name MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    ADD COLUMN description MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Narrow: what COUNT(*) walks instead of all texts.
CREATE INDEX edge_product_search_state_product ON product_search_state (product_id);

-- The last product that was compared.
CREATE TABLE IF NOT EXISTS product_search_round (
    round_id INT NOT NULL PRIMARY KEY,
    product_id BIGINT NOT NULL
) ENGINE = InnoDB;

INSERT IGNORE INTO product_search_round (round_id, product_id) VALUES (1, 0);
