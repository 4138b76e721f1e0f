/* weir
description: One row a customer, with what they bought and when
rules:
  - IsPrimaryKey "customer_id"
  - ColumnValues "orders" >= 0
*/
with bought as (
  select
    customer_id,
    count(*) as orders,
    sum(total)::decimal(18,2) as spent,
    min(ordered_at) as first_order_at,
    max(ordered_at) as last_order_at
  from raw.orders
  where status <> 'cancelled'
  group by customer_id
)
select
  c.customer_id,
  c.name,
  c.email,
  c.city,
  c.country,
  coalesce(b.orders, 0) as orders,
  coalesce(b.spent, 0)::decimal(18,2) as spent,
  b.first_order_at,
  b.last_order_at
from raw.customers c
left join bought b on b.customer_id = c.customer_id
