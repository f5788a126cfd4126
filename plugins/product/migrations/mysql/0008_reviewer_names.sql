-- Customers' names may have any character, also where the table of an older
-- shop has latin1.
ALTER TABLE review MODIFY COLUMN reviewer VARCHAR(50) CHARACTER SET utf8mb4 NULL;

-- Leads to the reviews that have no reviewer's name yet, by their customers.
CREATE INDEX edge_review_reviewer ON review (reviewer, customer_id);
