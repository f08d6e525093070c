-- The order system as it was left: customers have no key, bench_tests none at all, references are not enforced.
CREATE TABLE sites (id INTEGER PRIMARY KEY, code VARCHAR(8) NOT NULL, name VARCHAR(80) NOT NULL,
  country CHAR(2) NOT NULL, opened_on DATE);
CREATE TABLE employees (id INTEGER PRIMARY KEY, site_id INTEGER NOT NULL REFERENCES sites(id),
  name VARCHAR(80) NOT NULL, email VARCHAR(120), hired_on DATE, active BOOLEAN NOT NULL,
  hourly_rate DECIMAL(8,2));
CREATE TABLE customers (id INTEGER NOT NULL, name VARCHAR(120) NOT NULL, city VARCHAR(80), country CHAR(2),
  vat_id VARCHAR(20), credit_limit DECIMAL(12,2), customer_since DATE, blocked BOOLEAN,
  account_manager INTEGER REFERENCES employees(id), notes TEXT);
CREATE TABLE contacts (contact_no VARCHAR(12) PRIMARY KEY,
  customer_id INTEGER NOT NULL REFERENCES customers(id),
  name VARCHAR(80) NOT NULL, email VARCHAR(120), phone VARCHAR(40), newsletter BOOLEAN);
CREATE TABLE items (sku VARCHAR(24) PRIMARY KEY, description VARCHAR(160) NOT NULL, nominal_width INTEGER,
  weight_kg REAL, list_price DECIMAL(12,2), introduced_on DATE, discontinued BOOLEAN NOT NULL);
CREATE TABLE price_agreements (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers(id),
  sku VARCHAR(24) NOT NULL REFERENCES items(sku), price DECIMAL(12,4), valid_from DATE, valid_until DATE);
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers(id),
  site_id INTEGER NOT NULL REFERENCES sites(id), taken_by INTEGER REFERENCES employees(id),
  ordered_at TIMESTAMP NOT NULL, promised_on DATE, status VARCHAR(16) NOT NULL, total DECIMAL(14,2),
  express BOOLEAN, remark TEXT);
CREATE TABLE order_lines (order_id INTEGER NOT NULL REFERENCES orders(id), line_no INTEGER NOT NULL,
  sku VARCHAR(24) NOT NULL REFERENCES items(sku), quantity INTEGER NOT NULL, unit_price DECIMAL(12,2),
  discount REAL, PRIMARY KEY (order_id, line_no));
CREATE TABLE bench_tests (serial VARCHAR(24), order_id INTEGER REFERENCES orders(id), tested_at TIMESTAMP,
  pressure_bar REAL, leak_rate REAL, passed BOOLEAN);
CREATE TABLE attachments (id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders(id),
  filename VARCHAR(120) NOT NULL, stored_at TIMESTAMP, content BLOB);
