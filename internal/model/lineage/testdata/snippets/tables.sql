create table orders(id bigint, day date, ts timestamp, store_id integer, total decimal(12,2), qty integer, item varchar, tags varchar[], addr struct(city varchar, zip varchar), note varchar);
create table stores(id integer, name varchar, region varchar, opened date);
create table prices(item varchar, ts timestamp, price double);
create table returns(id bigint, order_id bigint, total decimal(12,2), day date);
create table staff(id integer, boss_id integer, name varchar);
create view big_orders as select id, total from orders where total > 100;
create macro with_tax(x) as x * 1.2;
create macro of_store(n) as table select * from orders where store_id = n;
