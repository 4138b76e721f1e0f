/* weir
mode: view
description: Receipts, each once; a till that lost its line sends the same receipt again
*/
select receipt_id, store_id, sold_at, payment.method as paid_by, lines, total
from raw.receipts
qualify row_number() over (partition by receipt_id order by _file, store_id, sold_at, paid_by, lines, total) = 1
