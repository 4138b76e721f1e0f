/* weir
description: Sales by day and store.
rules:
  - IsPrimaryKey "day" "store"
*/
select
  ordered_at::date as day,
  store,
  count(*) as orders,
  sum(total)::decimal(18,2) as revenue,
  $currency as currency
from raw.orders
group by all
