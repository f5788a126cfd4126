-- The search index; its layout is described in src/search/postings.rs. Words
-- are bytes, so that no collation has a say in what is equal or comes first.

-- In which products of a chunk a word stands.
CREATE TABLE IF NOT EXISTS product_search (
    term BLOB NOT NULL,
    chunk INTEGER NOT NULL,
    name_hits BLOB NOT NULL,
    description_hits BLOB NOT NULL,
    PRIMARY KEY (term, chunk)
) WITHOUT ROWID;

-- Where in the products of a (smaller) chunk a word stands.
CREATE TABLE IF NOT EXISTS product_search_position (
    chunk INTEGER NOT NULL,
    term BLOB NOT NULL,
    places BLOB NOT NULL,
    PRIMARY KEY (chunk, term)
) WITHOUT ROWID;

-- Which products are in the index.
CREATE TABLE IF NOT EXISTS product_search_state (
    product_id INTEGER PRIMARY KEY
);
