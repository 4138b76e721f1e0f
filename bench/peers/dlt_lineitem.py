"""One table into Parquet files with dlt, as its documentation shows it: dlt_lineitem.py URL TABLE FOLDER BACKEND."""

import sys

import dlt
from dlt.destinations import filesystem
from dlt.sources.sql_database import sql_table


def main(url: str, table: str, folder: str, backend: str) -> None:
    # A stream of batches needs less memory than the whole result, which is the default of this backend.
    options = {"return_type": "arrow_stream"} if backend == "connectorx" else {}
    source = sql_table(credentials=url, table=table, schema="public", backend=backend, chunk_size=100_000, backend_kwargs=options)
    pipeline = dlt.pipeline(
        "lineitem",
        destination=filesystem(bucket_url="file://" + folder),
        dataset_name="peers",
        pipelines_dir=folder + "/../state",
    )
    pipeline.run(source, loader_file_format="parquet", write_disposition="replace")


main(*sys.argv[1:])
