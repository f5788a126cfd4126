-- Whose turn it is to write the search index: who updates the only row has it
-- until the transaction ends.
CREATE TABLE IF NOT EXISTS product_search_writer (
    writer_id INT NOT NULL PRIMARY KEY,
    turns BIGINT NOT NULL
) ENGINE = InnoDB;

INSERT IGNORE INTO product_search_writer (writer_id, turns) VALUES (1, 0);
