# The other story of the shop, which scripts/demo.sh reads: its orders live in PostgreSQL and change while Weir follows.

# The shop's own programs write into the database of SHOP_URL, which holds a password and is never shown.
database() { "$bin/database" "$@"; }
# change shows SQL and has the shop's database do it.
change() {
	printf '%sshop=> %s;%s\n' "$dim" "$1" "$plain"
	database sql "$1"
}
# begin_following starts Weir as one would leave it running; pid is its process.
begin_following() {
	printf '%s$ weir -C %s --env live run --follow --every 1s &%s\n' "$dim" "$shop" "$plain"
	"$program" -C "$shop" --env live run --follow --every 1s >"$1" 2>&1 &
	pid=$!
}
# await WORD FILE waits until a line of it has the word, two minutes at most, while Weir runs.
await() {
	local _
	for _ in $(seq 2400); do
		if grep -q -- "$1" "$2"; then return; fi
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.05
	done
	cat "$2"
	die "Weir ended, or two minutes went by, before it said: $1"
}
# seen SQL waits until the database answers t, likewise.
seen() {
	local _
	for _ in $(seq 1200); do
		if [ "$(database sql "$1" 2>/dev/null)" = t ]; then return; fi
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
	cat "$demo"/follow-*.txt
	die "Weir ended, or two minutes went by, before this was true: $1"
}
# settle FILE waits until Weir has ended a run and begins no other.
settle() {
	local before=-1 now _
	for _ in $(seq 30); do
		now=$(wc -l <"$1")
		if [ "$now" = "$before" ] && tail -n 1 "$1" | grep -q '^done'; then return; fi
		before=$now
		sleep 2
	done
}

# leave ends what this story began.
leave() {
	local job
	for job in $(jobs -p); do kill "$job" 2>/dev/null || true; done
	if [ -n "${own_server:-}" ]; then WEIR_SERVICES_DIR=$demo/services test/services stop; fi
}
trap leave EXIT

rm -rf "$shop" "$twin" "$demo"/*.csv "$demo"/*.txt
if [ -z "${SHOP_URL:-}" ]; then
	own_server=yes
	export WEIR_POSTGRES_PORT=${WEIR_POSTGRES_PORT:-55732}
	WEIR_SERVICES_DIR=$demo/services test/services clean
	SHOP_URL=$(WEIR_SERVICES_DIR=$demo/services test/services postgres)
fi
export SHOP_URL BI_URL=${BI_URL:-$SHOP_URL}
started=$SECONDS

say "1. The shop's orders, order lines, customers and products live in PostgreSQL. Four days have gone by there."
new_project "$shop"
cp -R examples/retail/postgres/* "$shop"/
database make || die "the story begins in a database without the shop's tables"
database days "$shop" 1-4
show cat "$shop/tables/raw/orders.yaml"
say "   One command reads the tables, each in a snapshot, and brings two summaries back, for those who work with them."
show weir -C "$shop" --env live run
say "   From here on only changes are read. The server keeps them in a slot until they are in the lake."
show weir -C "$shop" --env live position show raw.orders

say "2. The fifth day happens while Weir follows: a new column, new orders, orders that change, customers who move."
begin_following "$demo/follow-1.txt"
await 'following' "$demo/follow-1.txt"
"$bin/generate" "$shop" --days 5
database days --pace 200ms "$shop" 5 &
day=$!
await 'raw.orders *built' "$demo/follow-1.txt"
kill -9 "$pid" 2>/dev/null || die "Weir had ended before it could be killed"
wait "$pid" 2>/dev/null || true
cat "$demo/follow-1.txt"
printf '%s(killed in the middle, while the shop goes on)%s\n' "$dim" "$plain"

say "3. Started again it goes on where the lake is, until the published summary says what the shop's own tables say."
begin_following "$demo/follow-2.txt"
wait "$day" || die "the fifth day could not be written"
seen "select (select (sum(orders), sum(value)) from bi.orders_by_day) = (select (count(*)::numeric, sum(total)) from orders where status <> 'cancelled')"
settle "$demo/follow-2.txt"
cat "$demo/follow-2.txt"
lines=$(wc -l <"$demo/follow-2.txt")

say "4. Someone mends things. An order of the second day comes late,"
change "insert into orders values (5900001, 1619, 'S03', 'placed', '2026-03-02 11:20:00', '2026-03-06 08:00:00', 20.00);
       insert into order_lines values (5900001, 1, 'P0001', 2, 10.00, 0.00)"
say "   an order stood under the wrong day,"
change "update orders set ordered_at = '2026-03-03 09:00:00' where order_id = 4000500"
say "   a line should not have been there,"
change "delete from order_lines where order_id = 2000123 and line_no = 2"
say "   and a customer moves."
change "update customers set city = 'Leeds' where customer_id = 1619"
seen "select (select (sum(orders), sum(value)) from bi.orders_by_day where day = '2026-03-03') = (select (count(*)::numeric, sum(total)) from orders where status <> 'cancelled' and ordered_at::date = '2026-03-03')"
settle "$demo/follow-2.txt"
say "   Only the days and stores of these rows are computed again, and only what differs is published:"
tail -n +$((lines + 1)) "$demo/follow-2.txt"
say "   Weir is stopped. One more run says what is left to do:"
kill -INT "$pid"
wait "$pid" || die "Weir did not end well"
show weir -C "$shop" --env live run
show weir -C "$shop" --env live position show raw.orders

say "5. Is it the same? Both sides add up digests of their rows, where they are. First what is read:"
for table in raw.orders raw.order_lines raw.customers raw.products; do show weir -C "$shop" --env live verify "$table"; done
say "   then what was published:"
show weir -C "$shop" --env live verify marts.daily_sales --against bi.bi.daily_sales
show weir -C "$shop" --env live verify marts.orders_by_day --against bi.bi.orders_by_day

say "6. The same five days as files, in a shop that was never disturbed: the same SQL makes the same tables of them."
new_project "$twin"
"$bin/generate" "$twin" --days 5
inbox=$twin/inbox
sed -i.bak -E 's/^(4000500,[^,]*,[^,]*,[^,]*),[^,]*,/\1,2026-03-03 09:00:00,/' "$inbox"/orders/*.csv
sed -i.bak '/^2000123,2,/d' "$inbox"/order_lines/*.csv
sed -i.bak -E 's/^(1619,[^,]*,[^,]*),[^,]*,/\1,Leeds,/' "$inbox"/customers/*.csv
rm "$inbox"/*/*.bak
printf '%s\n' order_id,customer_id,store_id,status,ordered_at,updated_at,total \
	'5900001,1619,S03,placed,2026-03-02 11:20:00,2026-03-06 08:00:00,20.00' >"$inbox/orders/late.csv"
printf '%s\n' order_id,line_no,sku,quantity,unit_price,discount 5900001,1,P0001,2,10.00,0.00 >"$inbox/order_lines/late.csv"
weir -C "$twin" run >"$demo/twin.txt"
fingerprint "$shop" "${marts[@]}" >"$demo/shop-tables.txt"
fingerprint "$twin" "${marts[@]}" >"$demo/twin-tables.txt"
diff "$demo/twin-tables.txt" "$demo/shop-tables.txt" || die "files (<) make other tables than the database (>)"
printf '%sEvery table of marts is equal, to the row.%s\n' "$bold" "$plain"
say "   And what stands in the operational table is what plain DuckDB finds in these files:"
change "select day, sum(lines), sum(revenue) from bi.daily_sales group by day order by day" | tee "$demo/published.txt"
"$bin/check" "$twin" | tail -n +2 >"$demo/duckdb.csv"
tail -n +2 "$demo/published.txt" | diff "$demo/duckdb.csv" - || die "plain DuckDB over files (<) says other than the operational table (>)"
printf '%sIt is, to the penny.%s\n' "$bold" "$plain"

say "That took $((SECONDS - started)) seconds. The project is in $shop; docs/feeds.md and docs/publish.md tell the rest."
if [ -n "${own_server:-}" ]; then
	printf 'Its server is stopped; to go on:\n%s' "$dim"
	printf '  export SHOP_URL=$(WEIR_SERVICES_DIR=%s/services test/services postgres)\n  export BI_URL=$SHOP_URL%s\n' "$demo" "$plain"
else
	printf 'The slot stays and keeps the log of the server from being cut: pg_drop_replication_slot drops it.\n'
fi
