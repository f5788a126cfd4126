-- A fork that grew columns of its own under the names that plugins add, with
-- foreign keys between its tables.
SET NAMES utf8mb4;
SET sql_mode = '';

CREATE TABLE department (
  department_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(100) NOT NULL,
  description VARCHAR(1000)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO department VALUES (1, 'Animals', 'With fur.');

CREATE TABLE category (
  category_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  department_id INT NOT NULL,
  name VARCHAR(100) NOT NULL,
  description VARCHAR(1000),
  CONSTRAINT fk_category_department FOREIGN KEY (department_id) REFERENCES department (department_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO category VALUES (1, 1, 'Mammals', NULL);

CREATE TABLE product (
  product_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(255) NOT NULL,
  description TEXT NOT NULL,
  price DECIMAL(10, 2) NOT NULL,
  discounted_price DECIMAL(10, 2) NOT NULL DEFAULT 0.00,
  image VARCHAR(150),
  image_2 VARCHAR(150),
  thumbnail VARCHAR(150),
  display SMALLINT NOT NULL DEFAULT 0,
  stock INT NOT NULL DEFAULT 0,
  sku VARCHAR(20) NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO product VALUES
  (1, 'Red Panda', 'Climbs.', 19.90, 0.00, 'panda.jpg', NULL, 'panda-t.jpg', 0, 25, 'RP-1'),
  (2, 'Sleepy Otter', 'Floats.', 21.00, 18.50, NULL, NULL, NULL, 2, 3, 'SO-1');

CREATE TABLE product_category (
  product_id INT NOT NULL,
  category_id INT NOT NULL,
  PRIMARY KEY (product_id, category_id),
  CONSTRAINT fk_pc_product FOREIGN KEY (product_id) REFERENCES product (product_id),
  CONSTRAINT fk_pc_category FOREIGN KEY (category_id) REFERENCES category (category_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO product_category VALUES (1, 1), (2, 1);

CREATE TABLE attribute (
  attribute_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(100) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO attribute VALUES (1, 'Size');

CREATE TABLE attribute_value (
  attribute_value_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  attribute_id INT NOT NULL,
  value VARCHAR(100) NOT NULL,
  CONSTRAINT fk_value_attribute FOREIGN KEY (attribute_id) REFERENCES attribute (attribute_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO attribute_value VALUES (1, 1, 'S'), (2, 1, 'L');

CREATE TABLE product_attribute (
  product_id INT NOT NULL,
  attribute_value_id INT NOT NULL,
  PRIMARY KEY (product_id, attribute_value_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO product_attribute VALUES (1, 1), (1, 2);

CREATE TABLE customer (
  customer_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(50) NOT NULL,
  email VARCHAR(100) NOT NULL,
  password VARCHAR(255) NOT NULL,
  credit_card TEXT,
  address_1 VARCHAR(100) NOT NULL DEFAULT '',
  address_2 VARCHAR(100),
  city VARCHAR(100),
  region VARCHAR(100),
  postal_code VARCHAR(100),
  country VARCHAR(100),
  shipping_region_id INT NOT NULL DEFAULT 1,
  day_phone VARCHAR(100),
  eve_phone VARCHAR(100),
  mob_phone VARCHAR(100),
  facebook_id VARCHAR(32) NULL,
  role ENUM('customer', 'staff') NOT NULL DEFAULT 'customer',
  UNIQUE KEY idx_customer_email (email)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
INSERT INTO customer VALUES
  (1, 'Ada King', 'ada@example.com',
   '$argon2id$v=19$m=19456,t=2,p=1$KqJ77/NbBH6p1SPNfn4rvg$nC3XyMD6gJ94I6Bw1qVR6TI/rhT//RBWZxbHabpALfw',
   NULL, 'Street 1', NULL, 'London', NULL, 'N1', 'UK', 2, NULL, NULL, NULL, '10001', 'customer'),
  (2, 'Grace', 'grace@example.com',
   '$argon2id$v=19$m=19456,t=2,p=1$KqJ77/NbBH6p1SPNfn4rvg$nC3XyMD6gJ94I6Bw1qVR6TI/rhT//RBWZxbHabpALfw',
   NULL, '', NULL, NULL, NULL, NULL, NULL, 1, NULL, NULL, NULL, NULL, 'staff');

CREATE TABLE review (
  review_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  customer_id INT NOT NULL,
  product_id INT NOT NULL,
  review TEXT NOT NULL,
  rating SMALLINT NOT NULL,
  created_on DATETIME NOT NULL,
  reviewer VARCHAR(120) NOT NULL DEFAULT 'somebody',
  CONSTRAINT fk_review_customer FOREIGN KEY (customer_id) REFERENCES customer (customer_id),
  CONSTRAINT fk_review_product FOREIGN KEY (product_id) REFERENCES product (product_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO review VALUES
  (1, 2, 1, 'Soft.', 5, '2021-05-06 07:08:09',
   'Grace, a reviewer whose name is longer than fifty characters can be');

CREATE TABLE shipping_region (
  shipping_region_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  shipping_region VARCHAR(100) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO shipping_region VALUES (1, 'Please Select'), (2, 'UK');

CREATE TABLE shipping (
  shipping_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  shipping_type VARCHAR(100) NOT NULL,
  shipping_cost DECIMAL(10, 2) NOT NULL,
  shipping_region_id INT NOT NULL,
  CONSTRAINT fk_shipping_region FOREIGN KEY (shipping_region_id) REFERENCES shipping_region (shipping_region_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO shipping VALUES (1, 'Royal Mail ($4.00)', 4.00, 2);

CREATE TABLE tax (
  tax_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  tax_type VARCHAR(100) NOT NULL,
  tax_percentage DECIMAL(10, 2) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO tax VALUES (1, 'VAT', 20.00);

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
  cart_id CHAR(32) NULL,
  currency CHAR(3) NOT NULL DEFAULT 'GBP',
  CONSTRAINT fk_orders_customer FOREIGN KEY (customer_id) REFERENCES customer (customer_id),
  CONSTRAINT fk_orders_shipping FOREIGN KEY (shipping_id) REFERENCES shipping (shipping_id),
  CONSTRAINT fk_orders_tax FOREIGN KEY (tax_id) REFERENCES tax (tax_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO orders VALUES
  (1, 39.80, '2021-04-03 02:01:00', NULL, 1, NULL, 1, NULL, NULL, 1, 1,
   '0123456789abcdef0123456789abcdef', 'GBP'),
  (2, 18.50, '2021-04-04 02:01:00', '2021-04-05 00:00:00', 3, NULL, 1, NULL, NULL, 1, 1, NULL, 'EUR');

CREATE TABLE order_detail (
  item_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  order_id INT NOT NULL,
  product_id INT NOT NULL,
  attributes VARCHAR(1000) NOT NULL,
  product_name VARCHAR(100) NOT NULL,
  quantity INT NOT NULL,
  unit_cost DECIMAL(10, 2) NOT NULL,
  CONSTRAINT fk_detail_order FOREIGN KEY (order_id) REFERENCES orders (order_id),
  CONSTRAINT fk_detail_product FOREIGN KEY (product_id) REFERENCES product (product_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO order_detail VALUES (1, 1, 1, 'S', 'Red Panda', 2, 19.90), (2, 2, 2, '', 'Sleepy Otter', 1, 18.50);

CREATE TABLE audit (
  audit_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  order_id INT NOT NULL,
  created_on DATETIME NOT NULL,
  message TEXT NOT NULL,
  code INT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO audit VALUES (1, 1, '2021-04-03 02:01:00', 'Placed.', 0);
