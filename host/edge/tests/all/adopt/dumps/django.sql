-- A fork with a Django back end: utf8mb3, views and triggers of its own,
-- prices with four decimals, and addresses that differ in case alone.
SET NAMES utf8mb4;
SET sql_mode = '';

CREATE TABLE department (
  department_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(100) NOT NULL,
  description LONGTEXT
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
INSERT INTO department VALUES (1, 'Música', 'Ruidosa.');

CREATE TABLE category (
  category_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  department_id INT UNSIGNED NOT NULL,
  name VARCHAR(100) NOT NULL,
  description LONGTEXT,
  CONSTRAINT category_department FOREIGN KEY (department_id) REFERENCES department (department_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
INSERT INTO category VALUES (1, 1, 'Cuerdas', NULL);

CREATE TABLE product (
  product_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(100) NOT NULL,
  description LONGTEXT NOT NULL,
  price DECIMAL(12, 4) NOT NULL,
  discounted_price DECIMAL(12, 4) NOT NULL DEFAULT 0,
  image VARCHAR(100) NOT NULL DEFAULT '',
  image_2 VARCHAR(100) NOT NULL DEFAULT '',
  thumbnail VARCHAR(100) NOT NULL DEFAULT '',
  display TINYINT(1) NOT NULL DEFAULT 0
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
INSERT INTO product VALUES
  (1, 'Guitarra Española', 'Suena bien.', 18.5000, 0.0000, 'g.png', '', '', 1),
  (2, 'Violín', 'Suena alto.', 22.0000, 19.9500, '', '', '', 0);

CREATE TABLE product_category (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  product_id INT UNSIGNED NOT NULL,
  category_id INT UNSIGNED NOT NULL,
  UNIQUE KEY product_category_uniq (product_id, category_id),
  CONSTRAINT pc_product FOREIGN KEY (product_id) REFERENCES product (product_id),
  CONSTRAINT pc_category FOREIGN KEY (category_id) REFERENCES category (category_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
INSERT INTO product_category VALUES (1, 1, 1), (2, 2, 1);

CREATE TABLE customer (
  customer_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(50) NOT NULL,
  email VARCHAR(254) NOT NULL,
  password VARCHAR(128) NOT NULL,
  credit_card LONGTEXT,
  address_1 VARCHAR(100) NOT NULL,
  address_2 VARCHAR(100) NOT NULL,
  city VARCHAR(100) NOT NULL,
  region VARCHAR(100) NOT NULL,
  postal_code VARCHAR(100) NOT NULL,
  country VARCHAR(100) NOT NULL,
  shipping_region_id INT NOT NULL DEFAULT 1,
  day_phone VARCHAR(100) NOT NULL,
  eve_phone VARCHAR(100) NOT NULL,
  mob_phone VARCHAR(100) NOT NULL,
  role VARCHAR(10) NULL,
  last_login DATETIME(6) NULL,
  KEY customer_email (email)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_bin;
INSERT INTO customer VALUES
  (1, 'Ada King', 'ada@example.com',
   '$argon2id$v=19$m=19456,t=2,p=1$KqJ77/NbBH6p1SPNfn4rvg$nC3XyMD6gJ94I6Bw1qVR6TI/rhT//RBWZxbHabpALfw',
   NULL, '', '', '', '', '', '', 1, '', '', '', 'customer', '2022-02-02 02:02:02.123456'),
  (2, 'Ada again', 'Ada@Example.com',
   '$2b$10$F5EmBhnUJzwlgGVprs42Y.FTI15OU21GYEEKykStdl7Bqk5kRDzD6',
   NULL, 'Calle 1', '', 'Cádiz', '', '11001', 'España', 1, '', '', '', NULL, NULL);

CREATE TABLE customer_log (
  log_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  customer_id INT UNSIGNED NOT NULL,
  what VARCHAR(20) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TRIGGER customer_added AFTER INSERT ON customer FOR EACH ROW
  INSERT INTO customer_log (customer_id, what) VALUES (NEW.customer_id, 'added');

CREATE TABLE review (
  review_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  customer_id INT UNSIGNED NOT NULL,
  product_id INT UNSIGNED NOT NULL,
  review LONGTEXT NOT NULL,
  rating INT NOT NULL,
  created_on DATETIME(6) NOT NULL,
  CONSTRAINT review_customer FOREIGN KEY (customer_id) REFERENCES customer (customer_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
INSERT INTO review VALUES (1, 1, 1, 'Qué bien.', 5, '2022-03-04 05:06:07.654321');

CREATE TABLE shipping_region (
  shipping_region_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  shipping_region VARCHAR(100) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
INSERT INTO shipping_region VALUES (1, 'España');

CREATE TABLE shipping (
  shipping_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  shipping_type VARCHAR(100) NOT NULL,
  shipping_cost DECIMAL(6, 2) NOT NULL,
  shipping_region_id INT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
INSERT INTO shipping VALUES (1, 'Correos ($3.50)', 3.50, 1);

CREATE TABLE tax (
  tax_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  tax_type VARCHAR(100) NOT NULL,
  tax_percentage DECIMAL(5, 2) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
INSERT INTO tax VALUES (1, 'IVA', 21.00);

CREATE TABLE orders (
  order_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  total_amount DECIMAL(12, 4) NOT NULL,
  created_on DATETIME(6) NOT NULL,
  shipped_on DATETIME(6) NULL,
  status SMALLINT NOT NULL DEFAULT 0,
  comments VARCHAR(255) NOT NULL DEFAULT '',
  customer_id INT UNSIGNED NOT NULL,
  auth_code VARCHAR(50) NOT NULL,
  reference VARCHAR(50) NOT NULL,
  shipping_id INT NULL,
  tax_id INT NULL,
  CONSTRAINT orders_customer FOREIGN KEY (customer_id) REFERENCES customer (customer_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
INSERT INTO orders VALUES (1, 37.0000, '2022-04-05 06:07:08.000009', NULL, 1, 'Regalo', 1, '', '', 1, 1);

CREATE TABLE order_detail (
  item_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  order_id INT NOT NULL,
  product_id INT UNSIGNED NOT NULL,
  attributes VARCHAR(1000) NOT NULL,
  product_name VARCHAR(100) NOT NULL,
  quantity INT NOT NULL,
  unit_cost DECIMAL(12, 4) NOT NULL,
  CONSTRAINT detail_order FOREIGN KEY (order_id) REFERENCES orders (order_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
INSERT INTO order_detail VALUES (1, 1, 1, '', 'Guitarra Española', 2, 18.5000);

CREATE VIEW order_totals AS
  SELECT order_id, SUM(quantity * unit_cost) AS goods FROM order_detail GROUP BY order_id;
