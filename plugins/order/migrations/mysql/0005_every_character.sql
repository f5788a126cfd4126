-- Tables of an existing shop that were taken over with the character set that
-- they had: comments and names may have any character. Where they do already,
-- nothing is changed.
ALTER TABLE tax CONVERT TO CHARACTER SET utf8mb4;
ALTER TABLE shipping_region CONVERT TO CHARACTER SET utf8mb4;
ALTER TABLE shipping CONVERT TO CHARACTER SET utf8mb4;
ALTER TABLE audit CONVERT TO CHARACTER SET utf8mb4;
