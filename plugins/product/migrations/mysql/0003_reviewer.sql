-- The reviewer's name at the time of the review: customers are another
-- service's, and a review is read more often than a customer is renamed.
ALTER TABLE review ADD COLUMN reviewer VARCHAR(50) NULL;

-- The reviews of an existing shop take the names from its customers, once.
SET @backfill = IF(
    EXISTS (
        SELECT 1 FROM information_schema.tables
        WHERE table_schema = DATABASE() AND table_name = 'customer'
    ),
    'UPDATE review JOIN customer ON customer.customer_id = review.customer_id SET review.reviewer = customer.name',
    'DO 0'
);
PREPARE backfill FROM @backfill;
EXECUTE backfill;
DEALLOCATE PREPARE backfill;
