"""Changes a Weir table as another tool would: compact rewrites its rows, rollback goes back one snapshot."""
import sys

from pyiceberg.catalog.sql import SqlCatalog

lake, name, what = sys.argv[1:4]
catalog = SqlCatalog("weir", uri=f"sqlite:///{lake}/catalog.db", warehouse=f"file://{lake}")
table = catalog.load_table(name)
if what == "compact":
    table.overwrite(table.scan().to_arrow())
else:
    parent = table.current_snapshot().parent_snapshot_id
    table.manage_snapshots().rollback_to_snapshot(parent).commit()
