-- What the account `otter` may do: see docs/databases.md. It is made by the image (MYSQL_USER), and these are its rights.
REVOKE ALL PRIVILEGES, GRANT OPTION FROM 'otter'@'%';
GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO 'otter'@'%';
GRANT SELECT, TRIGGER, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, REFERENCES ON shop.* TO 'otter'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP ON otter.* TO 'otter'@'%';
