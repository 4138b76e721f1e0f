-- made each night
/* weir
mode: partitions
sort: [ts down, "a b"]
from: raw.orders
*/
select 1
