-- The reviewer's name at the time of the review: customers are another
-- service's, and a review is read more often than a customer is renamed.
-- supersedes: 1f2928c22078f2da060b82d01130d2609fd78663f1409aeb2f1c864b529be6fd7a01fe7aa7d0734e1696b4b2c5a27dc8
ALTER TABLE review ADD COLUMN reviewer VARCHAR(50) NULL;
