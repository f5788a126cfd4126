-- A fork with a Python back end: hashes of 162 characters, sums as FLOAT,
-- prices that nobody set, and a table without a primary key.
SET NAMES utf8mb4;
SET sql_mode = '';

CREATE TABLE department (
  department_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(100) NOT NULL,
  description TEXT
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO department VALUES (1, 'Space', 'Far away.');

CREATE TABLE category (
  category_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  department_id BIGINT NOT NULL,
  name VARCHAR(100) NOT NULL,
  description TEXT
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO category VALUES (1, 1, 'Planets', NULL);

CREATE TABLE product (
  product_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(200) NOT NULL,
  description TEXT NULL,
  price DECIMAL(10, 2) NULL,
  discounted_price DECIMAL(10, 2) NULL,
  image VARCHAR(255),
  image_2 VARCHAR(255),
  thumbnail VARCHAR(255),
  display TINYINT(1) NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO product VALUES
  (1, 'Saturn Rings', 'All of them.', 15.00, 0.00, 'saturn.png', NULL, NULL, 1),
  (2, 'Pluto Anyway', NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (3, 'Mars Rover', 'Rolls.', 17.25, NULL, NULL, NULL, NULL, 0);

CREATE TABLE product_category (
  product_id BIGINT NOT NULL,
  category_id BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO product_category VALUES (1, 1), (2, 1), (3, 1);

CREATE TABLE customer (
  customer_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(150) NOT NULL,
  email VARCHAR(255) NOT NULL,
  password VARCHAR(255) NOT NULL,
  credit_card VARCHAR(255),
  address_1 VARCHAR(255),
  address_2 VARCHAR(255),
  city VARCHAR(255),
  region VARCHAR(255),
  postal_code VARCHAR(255),
  country VARCHAR(255),
  shipping_region_id INT NULL,
  day_phone VARCHAR(20),
  eve_phone VARCHAR(20),
  mob_phone VARCHAR(20),
  is_active TINYINT(1) NOT NULL DEFAULT 1,
  updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  UNIQUE KEY email (email)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO customer VALUES
  (1, 'Ada King', 'ada@example.com',
   '$argon2id$v=19$m=19456,t=2,p=1$KqJ77/NbBH6p1SPNfn4rvg$nC3XyMD6gJ94I6Bw1qVR6TI/rhT//RBWZxbHabpALfw',
   NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1, NULL, NULL, NULL, 1, '2020-01-01 00:00:00'),
  (2, 'Alan', 'alan@example.com',
   'scrypt:32768:8:1$aB3dE5gH7jK9mN1p$4dc585c9546d15b5ee9f485ecde45f7a754ab88b24939d0a88cb9a2fed7b6d22cc770925b35f5920038f9e7d602e14a314ffc687b600941328d9fa8792401999',
   NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1, '2020-02-02 00:00:00');

CREATE TABLE review (
  review_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  customer_id BIGINT NOT NULL,
  product_id BIGINT NOT NULL,
  review TEXT NULL,
  rating TINYINT NULL,
  created_on DATE NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO review VALUES
  (1, 2, 1, 'Round.', 4, '2020-03-03'), (2, 1, 1, NULL, NULL, NULL), (3, 2, 1, 'Rounder.', 5, '2020-04-04');

CREATE TABLE shipping_region (
  shipping_region_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  shipping_region VARCHAR(100) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO shipping_region VALUES (1, 'Earth');

CREATE TABLE shipping (
  shipping_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  shipping_type VARCHAR(100) NOT NULL,
  shipping_cost FLOAT NOT NULL,
  shipping_region_id INT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO shipping VALUES (1, 'Rocket ($9.95)', 9.95, 1);

CREATE TABLE tax (
  tax_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  tax_type VARCHAR(100) NOT NULL,
  tax_percentage FLOAT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO tax VALUES (1, 'Sales tax', 8.5);

CREATE TABLE orders (
  order_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  total_amount FLOAT NOT NULL DEFAULT 0,
  created_on DATETIME NOT NULL,
  shipped_on DATETIME,
  status TINYINT NOT NULL DEFAULT 0,
  comments TEXT,
  customer_id BIGINT,
  auth_code VARCHAR(50),
  reference VARCHAR(50),
  shipping_id INT,
  tax_id INT
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO orders VALUES
  (1, 49.5, '2020-05-05 05:05:05', NULL, 1, 'Gift', 1, NULL, NULL, 1, 1),
  (2, 44.97, '2020-05-06 05:05:05', NULL, 0, NULL, 2, NULL, NULL, 1, 1),
  (3, 99999.99, '2020-05-07 05:05:05', NULL, 3, NULL, 2, NULL, NULL, 1, 1);

CREATE TABLE order_detail (
  item_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  order_id BIGINT NOT NULL,
  product_id BIGINT NOT NULL,
  attributes VARCHAR(1000) NOT NULL,
  product_name VARCHAR(200) NOT NULL,
  quantity INT NOT NULL,
  unit_cost DOUBLE NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO order_detail VALUES (1, 1, 1, '', 'Saturn Rings', 3, 16.5), (2, 2, 1, '', 'Saturn Rings', 3, 14.99);

CREATE TABLE newsletter (
  newsletter_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  email VARCHAR(255) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO newsletter VALUES (1, 'ada@example.com');
