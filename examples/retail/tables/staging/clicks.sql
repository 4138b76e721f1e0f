/* weir
mode: view
description: Events, each once
*/
select event_id, ts, session_id, customer_id, kind, sku
from raw.clicks
qualify row_number() over (partition by event_id order by _file, ts, session_id, customer_id, kind, sku) = 1
