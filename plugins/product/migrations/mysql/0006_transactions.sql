-- The catalog is changed while the shop is open, several tables at once, so
-- the tables of an existing shop need transactions. InnoDB rebuilds a table
-- that has them already, while it is read and changed.
-- supersedes: f67b3c3f8516804fc83184893e0700ecce4ba4643ee27071d69dd030f69b7a22a30c28f11d373e51d49ddf749ed3c601
ALTER TABLE department ENGINE = InnoDB;
ALTER TABLE category ENGINE = InnoDB;
ALTER TABLE product ENGINE = InnoDB;
ALTER TABLE product_category ENGINE = InnoDB;
ALTER TABLE attribute ENGINE = InnoDB;
ALTER TABLE attribute_value ENGINE = InnoDB;
ALTER TABLE product_attribute ENGINE = InnoDB;
ALTER TABLE review ENGINE = InnoDB;
