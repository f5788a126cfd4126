-- Leads to the reviews that have no reviewer's name yet, by their customers.
CREATE INDEX edge_review_reviewer ON review (reviewer, customer_id);
