/* weir
description: Sales by day, store and category
publish:
  - { to: bi.bi.daily_sales, mode: upsert, key: [day, store_id, category] }
rules:
  - RowCount > 0
  - IsPrimaryKey "day" "store_id" "category"
  - IsComplete "store_name"
  - ColumnValues "category" != "unknown"
  - rule: ColumnValues "revenue" >= 0
    on_fail: warn
*/
select
  s.day,
  s.store_id,
  st.name as store_name,
  coalesce(p.category, 'unknown') as category,
  count(*) as lines,
  sum(s.quantity)::bigint as items,
  sum(s.amount)::decimal(18,2) as revenue,
  $currency as currency
from staging.sales s
left join raw.products p on p.sku = s.sku
left join seeds.stores st on st.store_id = s.store_id
group by all
