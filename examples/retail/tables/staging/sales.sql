/* weir
mode: view
description: Every line sold, on the web, in an order or at a till; cancelled orders are no sales
*/
with receipt_lines as (
  select sold_at, store_id, unnest(lines) as line from staging.receipts
)
select o.ordered_at::date as day, o.store_id, l.sku, l.quantity, net(l.quantity, l.unit_price, l.discount) as amount, o.customer_id
from raw.orders o
join raw.order_lines l on l.order_id = o.order_id
where o.status <> 'cancelled'
union all
select sold_at::date, store_id, line.sku, line.quantity, net(line.quantity, line.unit_price, 0), null
from receipt_lines
