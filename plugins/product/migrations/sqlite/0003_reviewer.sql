-- The reviewer's name at the time of the review: customers are another
-- service's, and a review is read more often than a customer is renamed.
ALTER TABLE review ADD COLUMN reviewer TEXT;
