-- Tables of an existing shop that were taken over with the character set that
-- they had: names, descriptions and reviews may have any character. Where they
-- do already, nothing is changed.
ALTER TABLE department CONVERT TO CHARACTER SET utf8mb4;
ALTER TABLE category CONVERT TO CHARACTER SET utf8mb4;
ALTER TABLE product CONVERT TO CHARACTER SET utf8mb4;
ALTER TABLE attribute CONVERT TO CHARACTER SET utf8mb4;
ALTER TABLE attribute_value CONVERT TO CHARACTER SET utf8mb4;
ALTER TABLE review CONVERT TO CHARACTER SET utf8mb4;
