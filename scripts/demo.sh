#!/usr/bin/env bash
# The story of a shop's five days. make demo builds what it calls: ./weir and the programs of demo/bin.
#
#   scripts/demo.sh                    the shop sends files
#   scripts/demo.sh --with postgres    its orders live in PostgreSQL: one of the demo's own, or that of SHOP_URL
#
# WEIR_DEMO    another folder than demo, with bin in it; WEIR_PROGRAM another program than ./weir
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

demo=${WEIR_DEMO:-demo}
program=${WEIR_PROGRAM:-./weir}
bin=$(cd "$demo/bin" && pwd)
shop=$demo/shop
twin=$demo/twin # the same shop, never disturbed

if [ -t 1 ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; else bold= dim= plain=; fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
# typed writes a command as a person would type it.
typed() {
	local word line=
	for word in "$@"; do
		case $word in
		*[!A-Za-z0-9_./:=@,+-]*) word="'$word'" ;;
		esac
		line+=" $word"
	done
	printf '%s$%s%s\n' "$dim" "$line" "$plain"
}
# show prints a command and runs it.
show() {
	typed "$@"
	"$@"
}
weir() { "$program" "$@"; }
die() {
	printf '%s\n' "$*" >&2
	exit 1
}

new_project() {
	mkdir -p "$1"
	cp -R examples/retail/weir.yaml examples/retail/tables examples/retail/tests examples/retail/pipelines examples/retail/macros examples/retail/seeds "$1"/
	"$bin/generate" "$1" --days 1-4
}

marts=(marts.customers marts.daily_sales marts.funnel marts.orders_by_day)
# fingerprint FOLDER TABLE... is the row count of each table and a sum over all its values.
fingerprint() {
	local table folder=$1
	shift
	for table; do
		printf '%s ' "$table"
		weir -C "$folder" query --format csv "select count(*) as n, sum(hash(t)) as h from $table t" | tail -n 1
	done
}

case "$*" in
'') ;;
'--with postgres') . scripts/demo-postgres.sh; exit ;;
*) die "usage: scripts/demo.sh [--with postgres]" ;;
esac

started=$SECONDS
rm -rf "$shop" "$twin" "$demo"/*.ndjson "$demo"/*.csv "$demo"/*.txt
new_project "$shop"

say "1. Four days of files lie in $shop/inbox. One command makes checked tables of them."
printf '%sRead, written and rejected add up, table by table.%s\n' "$dim" "$plain"
show weir -C "$shop" run
show weir -C "$shop" rejects list

say "2. The fifth day comes: new orders, some late; a new column; a till that writes its total as \"12,50\"."
"$bin/generate" "$shop" --days 5
show weir -C "$shop" plan

say "3. The run is killed in the middle."
printf '%s$ weir -C %s run    # and kill -9 as soon as a table is done%s\n' "$dim" "$shop" "$plain"
"$program" -C "$shop" run >"$demo"/killed.txt 2>&1 &
pid=$!
while kill -0 "$pid" 2>/dev/null && ! grep -q ' built ' "$demo"/killed.txt; do sleep 0.01; done
# A kill that comes too late is no story.
kill -9 "$pid" 2>/dev/null || die "the run ended before it could be killed; run the demo again"
wait "$pid" 2>/dev/null || true
cat "$demo"/killed.txt
printf '%s(killed)%s\n' "$dim" "$plain"
say "   Run again, it goes on where it was: what was committed is not read again."
show weir -C "$shop" run
new_project "$twin"
weir -C "$twin" run >"$demo"/twin.txt
"$bin/generate" "$twin" --days 5
weir -C "$twin" run >>"$demo"/twin.txt
all=(raw.customers raw.orders raw.order_lines raw.products raw.receipts raw.clicks "${marts[@]}")
fingerprint "$shop" "${all[@]}" >"$demo"/killed-tables.txt
fingerprint "$twin" "${all[@]}" >"$demo"/twin-tables.txt
diff "$demo"/twin-tables.txt "$demo"/killed-tables.txt || die "the killed run left other tables than an undisturbed one"
printf '%sEvery table is equal, to the row, to that of a shop whose runs were never disturbed.%s\n' "$bold" "$plain"

say "4. The bad receipts wait, with file, line, reason and raw text."
show weir -C "$shop" rejects show raw.receipts
say "   Mended with sed, they are read again, as if they had stood right in their files. The queue is empty then."
show weir -C "$shop" rejects export raw.receipts -o "$demo"/receipts.ndjson
show sed -i.bak -E 's/\\"total\\":\\"([0-9]+),([0-9]+)\\"/\\"total\\":\1.\2/' "$demo"/receipts.ndjson
show weir -C "$shop" rejects replay raw.receipts --from "$demo"/receipts.ndjson
show weir -C "$shop" rejects show raw.receipts

say "5. Only what depends on the receipts is built again; then the daily figures, beside plain DuckDB over the raw files."
show weir -C "$shop" run
sales='select day, sum(lines) as lines, sum(revenue) as revenue from marts.daily_sales group by day order by day'
typed weir -C "$shop" query --format csv "$sales"
weir -C "$shop" query --format csv "$sales" | tee "$demo"/weir.csv
"$bin/check" --mended "$shop" >"$demo"/duckdb.csv
diff "$demo"/duckdb.csv "$demo"/weir.csv || die "plain DuckDB over the raw files (<) says other than Weir (>)"
printf '%sPlain DuckDB over the raw files says the same, to the penny.%s\n' "$bold" "$plain"

say "6. An order of the second day comes late. Its day is computed again, and no other."
cat >"$shop/inbox/orders/late.csv" <<'END'
order_id,customer_id,store_id,status,ordered_at,updated_at,total
1099001,1619,S03,placed,2026-03-02 11:20:00,2026-03-06 08:00:00,20.00
END
show weir -C "$shop" run raw.orders marts.orders_by_day
show weir -C "$shop" diff marts.orders_by_day --against previous --key day,store_id
days="select day, store_id, orders, value from marts.orders_by_day order by all"
whole="select ordered_at::date as day, store_id, count(*) as orders, sum(total)::decimal(18,2) as value from raw.orders where status <> 'cancelled' group by all order by all"
weir -C "$shop" query --format csv "$days" >"$demo"/days.csv
weir -C "$shop" query --format csv "$whole" >"$demo"/whole.csv
diff "$demo"/whole.csv "$demo"/days.csv || die "a full recomputation (<) says other than the incremental table (>)"
show weir -C "$shop" query "select sum(orders) as orders, sum(value) as value from marts.orders_by_day"
printf '%sA full recomputation gives the same %s rows, to the penny.%s\n' "$bold" "$(($(wc -l <"$demo"/days.csv) - 1))" "$plain"

say "7. Someone forgets that cancelled orders are none. The table's own test says so before a run does."
sql=$shop/tables/marts/orders_by_day.sql
cp "$sql" "$demo"/kept.sql
show sed -i.bak "s/^where .*/where total > 0/" "$sql"
rm "$sql.bak"
typed weir -C "$shop" test
if weir -C "$shop" test; then die "the test saw nothing"; fi
say "   Mended, it passes."
show cp "$demo"/kept.sql "$sql"
show weir -C "$shop" test

say "8. The tables are Iceberg, in a folder; any tool that reads Iceberg opens them."
show weir -C "$shop" tables
show ls "$shop/lake" "$shop/lake/marts.db/daily_sales"
metadata=$(weir -C "$shop" show marts.daily_sales --json | sed -n 's|^  "metadata": "file://\(.*\)",$|\1|p')
cat <<TEXT
In Python, with PyIceberg (pip install 'pyiceberg[sql-sqlite,pyarrow]'):
${dim}  from pyiceberg.catalog.sql import SqlCatalog
  lake = "$(cd "$shop" && pwd)/lake"
  catalog = SqlCatalog("weir", uri=f"sqlite:///{lake}/catalog.db", warehouse=f"file://{lake}")
  catalog.load_table("marts.daily_sales").scan().to_arrow()${plain}
In DuckDB, with its extension iceberg:
${dim}  select * from iceberg_scan('$metadata');${plain}
TEXT

say "That took $((SECONDS - started)) seconds. The shop is in $shop: change a table and run it again."
