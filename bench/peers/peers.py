"""Measures programs that bring a PostgreSQL table into Parquet files, in turn, each as a child process. See README.md."""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent
HOME = Path(os.environ["BENCH_DIR"]).resolve() / "peers"
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Peer:
    name: str
    version: list[str]  # prints it
    command: list[str]
    env: dict[str, str]
    files: dict[str, str] = field(default_factory=dict)  # what it needs in the folder it writes into


@dataclass(frozen=True)
class Sample:
    wall: float
    cpu: float
    rss: int  # bytes


def program(variable: str, *places: Path) -> str:
    """The program that a variable names, or the first there is; may be one that is not there."""
    if os.environ.get(variable):
        return os.environ[variable]
    return str(next((p for p in places if p.exists()), places[0]))


def peers(url: str, table: str, out: Path) -> list[Peer]:
    site = BIN.parent / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    sling = program("SLING", site / "sling_linux_amd64" / "bin" / "sling-linux-amd64")
    ingestr = program("INGESTR", BIN / "ingestr")
    python = sys.executable
    sling_run = [sling, "run", "--src-conn", url, "--src-stream", f"public.{table}",
                 "--tgt-object", f"file://{out}/lineitem.parquet", "--mode", "full-refresh"]  # fmt: skip
    sling_env = {"SLING_HOME_DIR": str(HOME / "sling"), "SLING_DISABLE_TELEMETRY": "TRUE"}
    ingestr_run = [ingestr, "ingest", "--yes", "--progress", "log", "--no-load-timestamp",
                   "--source-uri", url, "--source-table", f"public.{table}",
                   "--dest-uri", f"parquet://{out}/lineitem.parquet", "--dest-table", "main.lineitem"]  # fmt: skip
    ingestr_env = {"DISABLE_TELEMETRY": "true", "INGESTR_DISABLE_TELEMETRY": "true"}
    weir = str(HOME / "weir")
    # With the budget of Weir's own figures.
    weir_run = [weir, "-C", str(out), "run", "--memory", "300MB"]
    weir_project = {
        "weir.yaml": 'name: peers\nlake: lake\nconnections:\n  shop: { type: postgres, url: "${PEERS_URL}" }\n',
        "tables/raw/lineitem.yaml": f"from: shop.public.{table}\n",
    }
    dlt_version = [python, "-c", "import dlt; print(dlt.__version__)"]
    dlt_env = {"RUNTIME__DLTHUB_TELEMETRY": "false"}

    def dlt_run(backend: str) -> list[str]:
        return [python, str(HERE / "dlt_lineitem.py"), url.replace("postgres:", "postgresql:", 1), table, str(out), backend]

    return [
        # Not a peer: what the server gives to one connection that does nothing with it.
        Peer("psql", ["psql", "--version"], ["psql", url, "-c", f"COPY {table} TO STDOUT (FORMAT binary)"], {}),
        Peer("weir", [weir, "version"], weir_run, {"PEERS_URL": url}, weir_project),
        Peer("sling", [sling, "--version"], sling_run, sling_env),  # writes with DuckDB's command line, which it downloads
        Peer("sling-go", [sling, "--version"], sling_run, sling_env | {"SLING_DUCKDB_COMPUTE": "FALSE"}),
        Peer("ingestr", [ingestr, "--version"], ingestr_run, ingestr_env),
        Peer("dlt-connectorx", dlt_version, dlt_run("connectorx"), dlt_env),
        Peer("dlt-pyarrow", dlt_version, dlt_run("pyarrow"), dlt_env),
    ]


def below(pid: int) -> list[int]:
    """A process and all that it started, as far as they still run."""
    found, todo = [], [pid]
    while todo:
        found.append(todo.pop())
        for children in Path(f"/proc/{found[-1]}/task").glob("*/children"):
            try:
                todo += map(int, children.read_text().split())
            except OSError:
                continue  # the thread ended
    return found


def peak_of(pid: int) -> int:
    """The most memory that a running process has had resident, in bytes; 0 where the system does not tell."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0  # it ended
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


def measure(peer: Peer, log: Path) -> Sample:
    """Runs a peer to its end. CPU time is that of the process and all below it. Memory is the sum of the peaks of those that
    run at once, or that of the largest as the system tells at the end, where that is more."""
    peak, done = 0, threading.Event()
    quiet = peer.name == "psql"
    with log.open("wb") as err:
        start = time.monotonic()
        child = subprocess.Popen(
            peer.command, env=os.environ | peer.env | {"TZ": "UTC"}, cwd=log.parent,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL if quiet else err, stderr=err,
        )  # fmt: skip

        def watch() -> None:
            nonlocal peak
            while not done.wait(0.2):
                peak = max(peak, sum(map(peak_of, below(child.pid))))

        watcher = threading.Thread(target=watch)
        watcher.start()
        _, status, use = os.wait4(child.pid, 0)
        wall = time.monotonic() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        done.set()
        watcher.join()
    if child.returncode != 0:
        raise RuntimeError(f"exit code {child.returncode}: {reason(log)}")
    return Sample(wall, use.ru_utime + use.ru_stime, max(peak, use.ru_maxrss * 1024))


def reason(log: Path) -> str:
    """The line of a log that says most about why."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    told = [line for line in lines if "error" in line.lower() or "unable" in line.lower()]
    return (told or lines or ["no word"])[-1][:160]


COUNT = "import sys, pyarrow.parquet as p; print(sum(p.read_metadata(f).num_rows for f in sys.argv[1:]))"


def rows_of(out: Path) -> int:
    # Beside the table dlt writes tables about itself.
    files = [f for f in out.rglob("*.parquet") if not any(part.startswith("_dlt") for part in f.relative_to(out).parts)]
    # In a child: the peak memory that the system tells of a peer begins at what this process holds.
    return int(subprocess.run([sys.executable, "-c", COUNT, *files], check=True, capture_output=True, text=True).stdout)


def attempt(peer: Peer, rows: int, out: Path) -> Sample:
    shutil.rmtree(out.parent, ignore_errors=True)
    out.mkdir(parents=True)
    for name, text in peer.files.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text)
    sample = measure(peer, HOME / f"{peer.name}.log")
    if peer.name != "psql" and (got := rows_of(out)) != rows:
        raise RuntimeError(f"{got} of {rows} rows are in its files")
    return sample


def version(peer: Peer) -> str:
    out = subprocess.run(peer.version, env=os.environ | peer.env, capture_output=True, text=True, check=True)
    return next((word.lstrip("v") for word in out.stdout.split() if word.lstrip("v")[:1].isdigit()), "")


def report(name: str, told: str, rows: int, samples: list[Sample]) -> None:
    wall = statistics.median(s.wall for s in samples)
    cpu = statistics.median(s.cpu for s in samples)
    rss = statistics.median(s.rss for s in samples)
    print(f"| {name} {told} | {wall:.2f} | {rows / wall / 1000:,.0f} | {cpu:.2f} | {rows / cpu / 1000:,.0f} | {rss / 2**20:,.0f} |")


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench/peers/run")
    parser.add_argument("--rows", type=int, default=6_000_000)
    parser.add_argument("--reps", type=int, default=3, help="measurements each; the median counts")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these")
    args = parser.parse_args()

    made = subprocess.run([HOME / "bench", "postgres", "-rows", str(args.rows)], check=True, capture_output=True, text=True)
    database, table = made.stdout.split()
    url = urlsplit(os.environ["WEIR_TEST_POSTGRES"])._replace(path="/" + database).geturl()
    out = HOME / "work" / "out"  # and dlt's state beside it
    chosen = peers(url, table, out)
    if unknown := set(args.names) - {p.name for p in chosen}:
        parser.error(f"no peer {', '.join(sorted(unknown))}; there are: {', '.join(p.name for p in chosen)}")
    if args.names:
        chosen = [p for p in chosen if p.name in args.names]

    versions: dict[str, str] = {}
    samples: dict[str, list[Sample]] = {}
    missing: dict[str, str] = {}
    for peer in chosen:
        try:
            versions[peer.name] = version(peer)
        except (OSError, subprocess.CalledProcessError) as err:
            missing[peer.name] = f"cannot be had here: {err.strerror if isinstance(err, OSError) else 'it does not start'}"
    # In turn, so that what else the machine does meets all.
    for rep in range(args.reps):
        for peer in chosen if rep % 2 == 0 else reversed(chosen):
            if peer.name in missing:
                continue
            try:
                sample = attempt(peer, args.rows, out)
            except RuntimeError as err:
                missing[peer.name] = str(err)
                continue
            samples.setdefault(peer.name, []).append(sample)
            print(f"  {peer.name:<15} {sample.wall:7.2f} s {sample.cpu:7.2f} cpu-s {sample.rss >> 20:6d} MB", file=sys.stderr)
    shutil.rmtree(out.parent, ignore_errors=True)

    print(f"{args.rows:,} rows of lineitem, median of {args.reps}\n")
    print("| program | wall s | krows/s | CPU-s | krows per CPU-s | peak MB |\n|---|---|---|---|---|---|")
    for peer in chosen:
        if peer.name not in missing:
            report(peer.name, versions[peer.name], args.rows, samples[peer.name])
    for name, why in missing.items():
        print(f"\n{name} could not be measured: {why}")


main()
