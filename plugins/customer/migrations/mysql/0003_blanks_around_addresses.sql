-- Addresses that others wrote may have any blank around them: TRIM takes off no
-- tab, no end of a line and no no-break space. This key is that of 0002 without
-- them; src/lookup.rs looks it up, and takes the same blanks off. Nodes of the
-- release before go on with the key of 0002.
--
-- CHAR gives bytes: 9, 10 and 13 stand in no character but themselves, and 194
-- with 160 is the no-break space. Blanks within an address make it none.
--
-- Where several rows have one address without its blanks, the one that has its
-- key keeps it, or the one that has no blanks, or the first: the others are
-- noted, and have none that they could log in by, until theirs is another. What
-- 0002 noted of them stays, for its own key.
ALTER TABLE customer
    ADD COLUMN email_plain_shared VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL;

UPDATE customer
    JOIN (
        SELECT
            COALESCE(
                MIN(CASE WHEN email_key = plain THEN customer_id END),
                MIN(CASE WHEN email_unique = plain THEN customer_id END),
                MIN(CASE WHEN email_key IS NOT NULL THEN customer_id END),
                MIN(customer_id)
            ) AS customer_id,
            plain
        FROM (
            SELECT customer_id, email_key, email_unique,
                TRIM(REPLACE(REPLACE(REPLACE(REPLACE(
                    SUBSTR(REPLACE(LOWER(REPLACE(email, 'İ', 'i̇')), 'ς', 'σ'), 1, 255),
                    CHAR(9), ' '), CHAR(10), ' '), CHAR(13), ' '), CHAR(194, 160), ' ')) AS plain
            FROM customer
        ) every_row
        GROUP BY plain
        HAVING COUNT(*) > 1
    ) holder ON holder.plain = TRIM(REPLACE(REPLACE(REPLACE(REPLACE(
        SUBSTR(REPLACE(LOWER(REPLACE(customer.email, 'İ', 'i̇')), 'ς', 'σ'), 1, 255),
        CHAR(9), ' '), CHAR(10), ' '), CHAR(13), ' '), CHAR(194, 160), ' '))
    SET customer.email_plain_shared = holder.plain
    WHERE customer.customer_id <> holder.customer_id;

ALTER TABLE customer
    ADD COLUMN email_plain VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
    GENERATED ALWAYS AS (
        NULLIF(
            NULLIF(
                TRIM(REPLACE(REPLACE(REPLACE(REPLACE(
                    SUBSTR(REPLACE(LOWER(REPLACE(email, 'İ', 'i̇')), 'ς', 'σ'), 1, 255),
                    CHAR(9), ' '), CHAR(10), ' '), CHAR(13), ' '), CHAR(194, 160), ' ')),
                ''
            ),
            email_plain_shared
        )
    ) VIRTUAL;
CREATE UNIQUE INDEX edge_customer_email_plain ON customer (email_plain);
