-- The search index; its layout is described in src/search/postings.rs. Words
-- are bytes, so that no collation has a say in what is equal or comes first.

-- In which products of a chunk a word stands.
CREATE TABLE IF NOT EXISTS product_search (
    term VARBINARY(64) NOT NULL,
    chunk INT NOT NULL,
    name_hits BLOB NOT NULL,
    description_hits BLOB NOT NULL,
    PRIMARY KEY (term, chunk)
) ENGINE = InnoDB;

-- Where in the products of a (smaller) chunk a word stands.
CREATE TABLE IF NOT EXISTS product_search_position (
    chunk INT NOT NULL,
    term VARBINARY(64) NOT NULL,
    places MEDIUMBLOB NOT NULL,
    PRIMARY KEY (chunk, term)
) ENGINE = InnoDB;

-- Which products are in the index.
CREATE TABLE IF NOT EXISTS product_search_state (
    product_id INT NOT NULL PRIMARY KEY
) ENGINE = InnoDB;
