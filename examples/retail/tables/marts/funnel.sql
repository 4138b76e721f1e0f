/* weir
mode: partitions
partition: [day]
description: From looking to buying on the web site, by day
rules:
  - IsPrimaryKey "day"
  - ColumnValues "sessions" > 0
*/
select
  ts::date as day,
  count(distinct session_id) as sessions,
  count(*) filter (where kind = 'view') as views,
  count(*) filter (where kind = 'cart') as carts,
  count(*) filter (where kind = 'checkout') as checkouts
from staging.clicks
group by all
