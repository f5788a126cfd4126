-- Of what a customer wrote of a product, one review is shown. Where none of them
-- had a time, none was: the last one written is shown from now on.
UPDATE review SET edition = NULL
WHERE edition = review_id AND created_on IS NULL AND review_id IN (
    SELECT review_id FROM (
        SELECT MAX(review_id) AS review_id FROM review
        GROUP BY product_id, customer_id
        HAVING SUM(CASE WHEN edition IS NULL OR edition = 0 THEN 1 ELSE 0 END) = 0
    ) hidden
);
