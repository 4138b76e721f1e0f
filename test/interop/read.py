"""Reads one table of a Weir lake with PyIceberg and prints its columns, partition fields and rows as JSON."""
import json
import sys

from pyiceberg.catalog.sql import SqlCatalog

lake, table, order = sys.argv[1:4]
catalog = SqlCatalog("weir", uri=f"sqlite:///{lake}/catalog.db", warehouse=f"file://{lake}")
t = catalog.load_table(table)
scan = t.scan(row_filter=sys.argv[4]) if len(sys.argv) > 4 and sys.argv[4] else t.scan()
if len(sys.argv) > 5:
    scan = scan.use_ref(sys.argv[5])
rows = scan.to_arrow().to_pylist()
if order:
    rows.sort(key=lambda r: (r[order] is None, r[order]))
print(json.dumps({
    "columns": [{"name": f.name, "type": str(f.field_type)} for f in t.schema().fields],
    "partition": [f"{f.name}: {f.transform}" for f in t.spec().fields],
    "sort": str(t.sort_order()),
    "snapshots": len(t.metadata.snapshots),
    "rows": [{k: None if v is None else str(v) for k, v in r.items()} for r in rows],
}))
