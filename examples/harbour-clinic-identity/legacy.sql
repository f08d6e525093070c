-- The staff directory as it was left: accounts have no enforced key, memberships refer to both sides unchecked.
CREATE TABLE departments (code VARCHAR(8) PRIMARY KEY, label VARCHAR(120) NOT NULL, ward BOOLEAN NOT NULL,
  opened_on DATE, monthly_cost DECIMAL(10,2));
CREATE TABLE accounts (uid INTEGER NOT NULL, login VARCHAR(40) NOT NULL, full_name VARCHAR(120) NOT NULL,
  department VARCHAR(8) REFERENCES departments(code), hired_on DATE, last_login TIMESTAMP, enabled BOOLEAN,
  badge BLOB, login_seconds REAL);
CREATE TABLE memberships (uid INTEGER NOT NULL REFERENCES accounts(uid), role_name VARCHAR(40) NOT NULL,
  granted_at TIMESTAMP, reviewed_on DATE, PRIMARY KEY (uid, role_name));
