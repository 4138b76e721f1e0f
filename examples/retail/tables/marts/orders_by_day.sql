/* weir
description: Orders and their value by day and store; a late order computes its own day again, and no other
publish:
  - { to: bi.bi.orders_by_day, mode: upsert, key: [day, store_id] }
incremental:
  input: raw.orders
  by: [day, store_id]
rules:
  - IsPrimaryKey "day" "store_id"
*/
select
  ordered_at::date as day,
  store_id,
  count(*) as orders,
  sum(total)::decimal(18,2) as value
from raw.orders
where status <> 'cancelled'
group by all
