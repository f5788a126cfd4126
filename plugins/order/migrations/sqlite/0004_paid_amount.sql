-- What the charge of a paid order was made for: its goods alone, or its goods
-- with shipping and tax. NULL for orders that were paid before this was kept.
ALTER TABLE orders ADD COLUMN paid_amount TEXT;
