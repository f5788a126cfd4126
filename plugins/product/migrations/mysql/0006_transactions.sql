-- The catalog is changed while the shop is open, several tables at once, so
-- the tables of an existing shop need transactions. Where they have them
-- already, nothing is done.

SET @convert = IF(
    EXISTS (
        SELECT 1 FROM information_schema.tables
        WHERE table_schema = DATABASE() AND table_name = 'department' AND engine <> 'InnoDB'
    ),
    'ALTER TABLE department ENGINE = InnoDB',
    'DO 0'
);
PREPARE convert_table FROM @convert;
EXECUTE convert_table;
DEALLOCATE PREPARE convert_table;

SET @convert = IF(
    EXISTS (
        SELECT 1 FROM information_schema.tables
        WHERE table_schema = DATABASE() AND table_name = 'category' AND engine <> 'InnoDB'
    ),
    'ALTER TABLE category ENGINE = InnoDB',
    'DO 0'
);
PREPARE convert_table FROM @convert;
EXECUTE convert_table;
DEALLOCATE PREPARE convert_table;

SET @convert = IF(
    EXISTS (
        SELECT 1 FROM information_schema.tables
        WHERE table_schema = DATABASE() AND table_name = 'product' AND engine <> 'InnoDB'
    ),
    'ALTER TABLE product ENGINE = InnoDB',
    'DO 0'
);
PREPARE convert_table FROM @convert;
EXECUTE convert_table;
DEALLOCATE PREPARE convert_table;

SET @convert = IF(
    EXISTS (
        SELECT 1 FROM information_schema.tables
        WHERE table_schema = DATABASE() AND table_name = 'product_category' AND engine <> 'InnoDB'
    ),
    'ALTER TABLE product_category ENGINE = InnoDB',
    'DO 0'
);
PREPARE convert_table FROM @convert;
EXECUTE convert_table;
DEALLOCATE PREPARE convert_table;

SET @convert = IF(
    EXISTS (
        SELECT 1 FROM information_schema.tables
        WHERE table_schema = DATABASE() AND table_name = 'attribute' AND engine <> 'InnoDB'
    ),
    'ALTER TABLE attribute ENGINE = InnoDB',
    'DO 0'
);
PREPARE convert_table FROM @convert;
EXECUTE convert_table;
DEALLOCATE PREPARE convert_table;

SET @convert = IF(
    EXISTS (
        SELECT 1 FROM information_schema.tables
        WHERE table_schema = DATABASE() AND table_name = 'attribute_value' AND engine <> 'InnoDB'
    ),
    'ALTER TABLE attribute_value ENGINE = InnoDB',
    'DO 0'
);
PREPARE convert_table FROM @convert;
EXECUTE convert_table;
DEALLOCATE PREPARE convert_table;

SET @convert = IF(
    EXISTS (
        SELECT 1 FROM information_schema.tables
        WHERE table_schema = DATABASE() AND table_name = 'product_attribute' AND engine <> 'InnoDB'
    ),
    'ALTER TABLE product_attribute ENGINE = InnoDB',
    'DO 0'
);
PREPARE convert_table FROM @convert;
EXECUTE convert_table;
DEALLOCATE PREPARE convert_table;

SET @convert = IF(
    EXISTS (
        SELECT 1 FROM information_schema.tables
        WHERE table_schema = DATABASE() AND table_name = 'review' AND engine <> 'InnoDB'
    ),
    'ALTER TABLE review ENGINE = InnoDB',
    'DO 0'
);
PREPARE convert_table FROM @convert;
EXECUTE convert_table;
DEALLOCATE PREPARE convert_table;
