-- A customer has one review of a product, the newest. edition says which:
-- 0 for a customer's only one, which the unique key keeps the only one; the
-- review's own id for an older one, which is no longer shown; NULL for one
-- whose writer had no other when this was added, or that an older release
-- wrote. Customer 0 is nobody: the reviews of the starter catalog are theirs.
ALTER TABLE review ADD COLUMN edition BIGINT NULL;

UPDATE review SET edition = review_id
WHERE customer_id > 0 AND review_id NOT IN (
    SELECT review_id FROM (
        SELECT MAX(r.review_id) AS review_id
        FROM review r
        JOIN (
            SELECT product_id, customer_id, MAX(created_on) AS created_on
            FROM review GROUP BY product_id, customer_id
        ) latest ON latest.product_id = r.product_id
            AND latest.customer_id = r.customer_id AND latest.created_on = r.created_on
        GROUP BY r.product_id, r.customer_id
    ) kept
);

CREATE UNIQUE INDEX edge_review_customer ON review (product_id, customer_id, edition);
