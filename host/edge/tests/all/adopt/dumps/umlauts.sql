-- A shop of 2009: MyISAM, latin1, zero dates, and texts with umlauts.
SET NAMES utf8mb4;
SET sql_mode = '';

CREATE TABLE department (
  department_id INT NOT NULL AUTO_INCREMENT,
  name VARCHAR(100) NOT NULL,
  description VARCHAR(1000),
  PRIMARY KEY (department_id)
) ENGINE=MyISAM DEFAULT CHARSET=latin1;
INSERT INTO department VALUES (1, 'Städte', 'Schöne Orte für die Brust.'), (2, 'Küche', NULL);

CREATE TABLE category (
  category_id INT NOT NULL AUTO_INCREMENT,
  department_id INT NOT NULL,
  name VARCHAR(100) NOT NULL,
  description VARCHAR(1000),
  PRIMARY KEY (category_id),
  KEY idx_category_department_id (department_id)
) ENGINE=MyISAM DEFAULT CHARSET=latin1;
INSERT INTO category VALUES (1, 1, 'Süden', ''), (2, 2, 'Gebäck', 'Frisch.');

CREATE TABLE product (
  product_id INT NOT NULL AUTO_INCREMENT,
  name VARCHAR(100) NOT NULL,
  description VARCHAR(1000) NOT NULL,
  price NUMERIC(10, 2) NOT NULL,
  discounted_price NUMERIC(10, 2) NOT NULL DEFAULT '0.00',
  image VARCHAR(150) NOT NULL DEFAULT '',
  image_2 VARCHAR(150) NOT NULL DEFAULT '',
  thumbnail VARCHAR(150) NOT NULL DEFAULT '',
  display TINYINT NOT NULL DEFAULT 0,
  PRIMARY KEY (product_id),
  FULLTEXT KEY idx_ft_product_name_description (name, description)
) ENGINE=MyISAM ROW_FORMAT=FIXED DEFAULT CHARSET=latin1;
INSERT INTO product VALUES
  (1, 'Münchner Föhn', 'Ein Hemd, das an Föhn erinnert.', 14.99, 0.00, 'foehn.gif', '', 'foehn-t.gif', 0),
  (2, 'Köln am Rhein', 'Der Dom, in groß.', 16.50, 12.00, 'dom.gif', 'dom2.gif', 'dom-t.gif', 2),
  (3, 'Brezn', 'Mit Salz.', 9.95, 0.00, '', '', '', 1);

CREATE TABLE product_category (
  product_id INT NOT NULL,
  category_id INT NOT NULL,
  PRIMARY KEY (product_id, category_id)
) ENGINE=MyISAM DEFAULT CHARSET=latin1;
INSERT INTO product_category VALUES (1, 1), (2, 1), (3, 2);

CREATE TABLE attribute (
  attribute_id INT NOT NULL AUTO_INCREMENT,
  name VARCHAR(100) NOT NULL,
  PRIMARY KEY (attribute_id)
) ENGINE=MyISAM DEFAULT CHARSET=latin1;
INSERT INTO attribute VALUES (1, 'Größe');

CREATE TABLE attribute_value (
  attribute_value_id INT NOT NULL AUTO_INCREMENT,
  attribute_id INT NOT NULL,
  value VARCHAR(100) NOT NULL,
  PRIMARY KEY (attribute_value_id)
) ENGINE=MyISAM DEFAULT CHARSET=latin1;
INSERT INTO attribute_value VALUES (1, 1, 'groß'), (2, 1, 'klein');

CREATE TABLE product_attribute (
  product_id INT NOT NULL,
  attribute_value_id INT NOT NULL,
  PRIMARY KEY (product_id, attribute_value_id)
) ENGINE=MyISAM DEFAULT CHARSET=latin1;
INSERT INTO product_attribute VALUES (1, 1), (1, 2), (2, 1);

CREATE TABLE review (
  review_id INT NOT NULL AUTO_INCREMENT,
  customer_id INT NOT NULL,
  product_id INT NOT NULL,
  review TEXT NOT NULL,
  rating SMALLINT NOT NULL,
  created_on DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00',
  PRIMARY KEY (review_id)
) ENGINE=MyISAM DEFAULT CHARSET=latin1;
INSERT INTO review VALUES
  (1, 1, 1, 'Sehr schön, passt wie angegossen.', 5, '2010-03-04 05:06:07'),
  (2, 2, 1, 'Ging beim Waschen ein.', 2, '0000-00-00 00:00:00');

CREATE TABLE customer (
  customer_id INT NOT NULL AUTO_INCREMENT,
  name VARCHAR(50) NOT NULL,
  email VARCHAR(100) NOT NULL,
  password VARCHAR(50) NOT NULL,
  credit_card TEXT,
  address_1 VARCHAR(100),
  address_2 VARCHAR(100),
  city VARCHAR(100),
  region VARCHAR(100),
  postal_code VARCHAR(100),
  country VARCHAR(100),
  shipping_region_id INT NOT NULL DEFAULT 1,
  day_phone VARCHAR(100),
  eve_phone VARCHAR(100),
  mob_phone VARCHAR(100),
  changed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (customer_id),
  UNIQUE KEY idx_customer_email (email)
) ENGINE=MyISAM DEFAULT CHARSET=latin1;
INSERT INTO customer VALUES
  (1, 'Jörg Müller', 'joerg@example.com', '5f4dcc3b5aa765d61d8327deb882cf99', NULL, 'Straße 1', NULL,
   'München', NULL, '80331', 'Deutschland', 2, '089-1', NULL, NULL, '2011-01-02 03:04:05'),
  (2, 'Änne Groß', 'aenne@example.com', '5f4dcc3b5aa765d61d8327deb882cf99', NULL, NULL, NULL,
   NULL, NULL, NULL, NULL, 1, NULL, NULL, NULL, '2012-01-02 03:04:05');

CREATE TABLE shipping_region (
  shipping_region_id INT NOT NULL AUTO_INCREMENT,
  shipping_region VARCHAR(100) NOT NULL,
  PRIMARY KEY (shipping_region_id)
) ENGINE=MyISAM DEFAULT CHARSET=latin1;
INSERT INTO shipping_region VALUES (1, 'Bitte wählen'), (2, 'Europäische Union');

CREATE TABLE shipping (
  shipping_id INT NOT NULL AUTO_INCREMENT,
  shipping_type VARCHAR(100) NOT NULL,
  shipping_cost NUMERIC(10, 2) NOT NULL,
  shipping_region_id INT NOT NULL,
  PRIMARY KEY (shipping_id),
  KEY idx_shipping_shipping_region_id (shipping_region_id)
) ENGINE=MyISAM DEFAULT CHARSET=latin1;
INSERT INTO shipping VALUES (1, 'Päckchen (5.00)', 5.00, 2);

CREATE TABLE tax (
  tax_id INT NOT NULL AUTO_INCREMENT,
  tax_type VARCHAR(100) NOT NULL,
  tax_percentage NUMERIC(10, 2) NOT NULL,
  PRIMARY KEY (tax_id)
) ENGINE=MyISAM DEFAULT CHARSET=latin1;
INSERT INTO tax VALUES (1, 'MwSt. ermäßigt', 7.00);

CREATE TABLE orders (
  order_id INT NOT NULL AUTO_INCREMENT,
  total_amount NUMERIC(10, 2) NOT NULL DEFAULT '0.00',
  created_on DATETIME NOT NULL,
  shipped_on DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00',
  status INT NOT NULL DEFAULT 0,
  comments VARCHAR(255),
  customer_id INT,
  auth_code VARCHAR(50),
  reference VARCHAR(50),
  shipping_id INT,
  tax_id INT,
  PRIMARY KEY (order_id),
  KEY idx_orders_customer_id (customer_id)
) ENGINE=MyISAM DEFAULT CHARSET=latin1;
INSERT INTO orders VALUES
  (1, 29.98, '2010-02-03 04:05:06', '0000-00-00 00:00:00', 1, 'Bitte schnell, für Änne', 1, 'A1', 'R1', 1, 1),
  (2, 9.95, '2010-02-00 00:00:00', '2010-03-01 00:00:00', 3, NULL, 2, NULL, NULL, 1, 1);

CREATE TABLE order_detail (
  item_id INT NOT NULL AUTO_INCREMENT,
  order_id INT NOT NULL,
  product_id INT NOT NULL,
  attributes VARCHAR(1000) NOT NULL,
  product_name VARCHAR(100) NOT NULL,
  quantity INT NOT NULL,
  unit_cost NUMERIC(10, 2) NOT NULL,
  PRIMARY KEY (item_id),
  KEY idx_order_detail_order_id (order_id)
) ENGINE=MyISAM DEFAULT CHARSET=latin1;
INSERT INTO order_detail VALUES (1, 1, 1, 'groß', 'Münchner Föhn', 2, 14.99), (2, 2, 3, '', 'Brezn', 1, 9.95);

CREATE TABLE audit (
  audit_id INT NOT NULL AUTO_INCREMENT,
  order_id INT NOT NULL,
  created_on DATETIME NOT NULL,
  message TEXT NOT NULL,
  code INT NOT NULL,
  PRIMARY KEY (audit_id)
) ENGINE=MyISAM DEFAULT CHARSET=latin1;
INSERT INTO audit VALUES (1, 1, '2010-02-03 04:05:06', 'Bestellung aufgegeben.', 0);

CREATE TABLE shopping_cart (
  item_id INT NOT NULL AUTO_INCREMENT,
  cart_id CHAR(32) NOT NULL,
  product_id INT NOT NULL,
  PRIMARY KEY (item_id)
) ENGINE=MyISAM DEFAULT CHARSET=latin1;
INSERT INTO shopping_cart VALUES (1, 'abc', 2);
