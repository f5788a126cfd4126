-- Addresses that others wrote may have any blank around them: TRIM alone takes
-- off no tab, no end of a line and no no-break space. The key of this index is
-- that of 0002 without them; src/lookup.rs looks it up by the same expression,
-- and takes the same blanks off.
--
-- Where several rows have one address without its blanks, the one that has its
-- key keeps it, or the one that has no blanks, or the first: the others are
-- noted, and have none that they could log in by, until theirs is another. What
-- 0002 noted of them stays, for its own key.
ALTER TABLE customer ADD COLUMN email_plain_shared TEXT;

UPDATE customer SET email_plain_shared = LOWER(TRIM(email, CHAR(9, 10, 13, 32, 160)))
    WHERE customer_id NOT IN (
        SELECT COALESCE(
            MIN(CASE WHEN email_key = LOWER(TRIM(email, CHAR(9, 10, 13, 32, 160))) THEN customer_id END),
            MIN(
                CASE
                    WHEN LOWER(TRIM(email)) = LOWER(TRIM(email, CHAR(9, 10, 13, 32, 160)))
                        AND email_shared IS NULL
                    THEN customer_id
                END
            ),
            MIN(CASE WHEN email_key IS NOT NULL THEN customer_id END),
            MIN(customer_id)
        )
        FROM customer
        GROUP BY LOWER(TRIM(email, CHAR(9, 10, 13, 32, 160)))
    );

CREATE UNIQUE INDEX edge_customer_email_plain
    ON customer (NULLIF(NULLIF(LOWER(TRIM(email, CHAR(9, 10, 13, 32, 160))), ''), email_plain_shared));
