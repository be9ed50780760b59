CREATE TABLE shop.orders (id INT PRIMARY KEY, item VARCHAR(50) NOT NULL, quantity INT NOT NULL);
INSERT INTO shop.orders VALUES (1, 'teapot', 1), (2, 'cup', 6);
