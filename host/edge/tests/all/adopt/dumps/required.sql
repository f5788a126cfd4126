-- A fork whose tables are in the way: columns that every new row needs, a cart
-- that is a number, one account for all who have none at Facebook, and texts
-- that a foreign key ties to another table.
SET NAMES utf8mb4;
SET sql_mode = '';

CREATE TABLE department (
  department_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(100) NOT NULL,
  description VARCHAR(1000)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO department VALUES (1, 'Trees', 'Tall.');

CREATE TABLE category (
  category_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  department_id INT NOT NULL,
  name VARCHAR(100) NOT NULL,
  description VARCHAR(1000)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO category VALUES (1, 1, 'Oaks', NULL);

CREATE TABLE product (
  product_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(100) NOT NULL,
  description VARCHAR(1000) NOT NULL,
  price DECIMAL(10, 2) NOT NULL,
  discounted_price DECIMAL(10, 2) NOT NULL DEFAULT 0.00,
  image VARCHAR(150),
  image_2 VARCHAR(150),
  thumbnail VARCHAR(150),
  display SMALLINT NOT NULL DEFAULT 0,
  supplier TEXT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO product VALUES (1, 'Oak Leaf', 'Green.', 12.00, 0.00, NULL, NULL, NULL, 0, 'Forest Ltd');

CREATE TABLE product_category (
  product_id INT NOT NULL,
  category_id INT NOT NULL,
  PRIMARY KEY (product_id, category_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO product_category VALUES (1, 1);

CREATE TABLE customer (
  customer_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(50) NOT NULL,
  email VARCHAR(100) NOT NULL,
  password VARCHAR(100) NOT NULL,
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
  legal_form VARCHAR(20) NOT NULL,
  joined_on DATETIME NOT NULL,
  facebook_id VARCHAR(64) NOT NULL DEFAULT '',
  email_key VARCHAR(64) NULL,
  UNIQUE KEY idx_customer_email (email)
) ENGINE=InnoDB DEFAULT CHARSET=latin1;
INSERT INTO customer VALUES
  (1, 'Ada King', 'ada@example.com',
   '$argon2id$v=19$m=19456,t=2,p=1$KqJ77/NbBH6p1SPNfn4rvg$nC3XyMD6gJ94I6Bw1qVR6TI/rhT//RBWZxbHabpALfw',
   NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1, NULL, NULL, NULL, 'GmbH', '2018-01-01 00:00:00', '', 'k1'),
  (2, 'Zoë', 'zoe@example.com', 'none', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1, NULL, NULL, NULL,
   'AG', '2018-01-02 00:00:00', '', 'k2');

CREATE TABLE newsletter (
  email VARCHAR(100) NOT NULL PRIMARY KEY,
  CONSTRAINT fk_newsletter_email FOREIGN KEY (email) REFERENCES customer (email)
) ENGINE=InnoDB DEFAULT CHARSET=latin1;
INSERT INTO newsletter VALUES ('ada@example.com');

CREATE TABLE shipping_region (
  shipping_region_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  shipping_region VARCHAR(100) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO shipping_region VALUES (1, 'Wood');

CREATE TABLE shipping (
  shipping_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  shipping_type VARCHAR(100) NOT NULL,
  shipping_cost DECIMAL(10, 2) NOT NULL,
  shipping_region_id INT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO shipping VALUES (1, 'Squirrel ($1.00)', 1.00, 1);

CREATE TABLE tax (
  tax_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  tax_type VARCHAR(100) NOT NULL,
  tax_percentage DECIMAL(10, 2) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO tax VALUES (1, 'None', 0.00);

CREATE TABLE warehouse (
  warehouse_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  city VARCHAR(100) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO warehouse VALUES (1, 'Bonn');

CREATE TABLE orders (
  order_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  total_amount DECIMAL(10, 2) NOT NULL DEFAULT 0.00,
  created_on DATETIME NOT NULL,
  shipped_on DATETIME,
  status INT NOT NULL DEFAULT 0,
  comments VARCHAR(255),
  customer_id INT,
  auth_code VARCHAR(50),
  reference VARCHAR(50),
  shipping_id INT,
  tax_id INT,
  cart_id INT NULL,
  warehouse_id INT NOT NULL,
  priority ENUM('low', 'high') NOT NULL,
  ordered_day DATE NOT NULL,
  CONSTRAINT fk_orders_warehouse FOREIGN KEY (warehouse_id) REFERENCES warehouse (warehouse_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO orders VALUES
  (1, 12.00, '2018-03-04 05:06:07', NULL, 1, NULL, 1, NULL, NULL, 1, 1, 77, 1, 'high', '2018-03-04');

CREATE TABLE order_detail (
  item_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  order_id INT NOT NULL,
  product_id INT NOT NULL,
  attributes VARCHAR(1000) NOT NULL,
  product_name VARCHAR(100) NOT NULL,
  quantity INT NOT NULL,
  unit_cost DECIMAL(10, 2) NOT NULL,
  weight DECIMAL(8, 3) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO order_detail VALUES (1, 1, 1, '', 'Oak Leaf', 1, 12.00, 0.250);
