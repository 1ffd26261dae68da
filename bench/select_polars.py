#!/usr/bin/env python3
"""What `breadth select` computes, in Polars and NumPy: the program to compare with.

    bench/select_polars.py make DIR [--models 50] [--rows 200000]
    bench/select_polars.py select TABLE [--n 4]
    bench/select_polars.py compare BREADTH DIR [--n 4] [--runs 5]

`make` writes one table in three forms, unless they are there: rows model by model as scoring writes
them (Polars' writer and PyArrow's, with their own defaults), and the same rows shuffled.
`select` reads the table, pivots it to one column for each model, and counts for every ordered pair
of models the rows on which one is at least N times the other; it prints the winner, its value, the
time of each part and the peak memory, as JSON. `compare` runs `BREADTH select` and this program's
`select` in turn on every table of DIR, checks that they name the same winner and value, and prints
the medians of whole-process time and peak memory as a Markdown table.
"""

import argparse
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl


def make(directory: Path, models: int, rows: int) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    paths = {
        "polars": directory / "scores-polars.parquet",
        "pyarrow": directory / "scores-pyarrow.parquet",
        "shuffled": directory / "scores-shuffled.parquet",
    }
    if all(path.exists() for path in paths.values()):
        return
    table = long_table(models, rows)
    table.write_parquet(paths["polars"])
    try:
        import pyarrow.parquet as pq

        pq.write_table(table.to_arrow(), paths["pyarrow"])
    except ImportError:
        print("no pyarrow: its form is left out")
    table.sample(fraction=1.0, shuffle=True, seed=1).write_parquet(paths["shuffled"])


def long_table(models: int, rows: int) -> pl.DataFrame:
    """Checkpoints of a run: each a noisy step further away from what all of them share."""
    rng = np.random.default_rng(0)
    prompts = [f"gsm8k/train/{i // 4:06d}" for i in range(rows)]
    responses = [str(i % 4) for i in range(rows)]
    shared = -rng.gamma(4.0, 10.0, rows)
    drift = rng.normal(0.0, 0.35, (models, rows)).cumsum(axis=0)
    logprob = np.minimum(shared + drift, -1e-3)
    return pl.DataFrame(
        {
            "source": ["data"] * (models * rows),
            "prompt_id": prompts * models,
            "response_id": responses * models,
            "model": np.repeat([f"step-{90 * (m + 1):06d}" for m in range(models)], rows),
            "logprob": logprob.reshape(-1),
        }
    )


def select(path: Path, n: float) -> dict:
    start = time.perf_counter()
    columns = ["source", "prompt_id", "response_id", "model", "logprob"]
    long = pl.read_parquet(path, columns=columns)
    read = time.perf_counter()
    index = ["source", "prompt_id", "response_id"]
    wide = long.pivot("model", index=index, values="logprob")
    names = [name for name in wide.columns if name not in index]
    values = [wide[name].to_numpy() for name in names]
    pivoted = time.perf_counter()
    level = math.log(n) - 1e-9
    worst = []
    for q in values:
        counts = [np.count_nonzero(rival - q >= level) for rival in values if rival is not q]
        worst.append(max(counts) / len(q))
    counted = time.perf_counter()
    best = int(np.argmin(worst))
    return {
        "winner": names[best],
        "value": worst[best],
        "rows": len(values[0]),
        "models": len(names),
        "read_s": read - start,
        "pivot_s": pivoted - read,
        "count_s": counted - pivoted,
        "total_s": counted - start,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def measured(command: list[str]) -> tuple[dict, float, float]:
    """The JSON that a process prints, its wall time in seconds and its peak memory in MB."""
    with tempfile.TemporaryFile() as out:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=out)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        if status != 0:
            sys.exit(f"{command} failed")
        out.seek(0)
        return json.load(out), seconds, usage.ru_maxrss / 1024


def compare(breadth: str, directory: Path, n: float, runs: int) -> None:
    print("| table | breadth s | Polars s | ratio | breadth MB | Polars MB |")
    print("|---|---|---|---|---|---|")
    for table in sorted(directory.glob("*.parquet")):
        ours, theirs = [], []
        for _ in range(runs):
            mine, *cost = measured([breadth, "select", str(table), "-n", str(n), "--json", "-q"])
            ours.append(cost)
            other, *cost = measured([sys.executable, __file__, "select", str(table), "--n", str(n)])
            theirs.append(cost)
            best = next(model for model in mine["models"] if model["model"] == mine["winner"])
            if (mine["winner"], best["value"]) != (other["winner"], other["value"]):
                sys.exit(f"{table}: {mine['winner']} {best['value']}, but Polars has {other}")
        (ts, tm), (ps, pm) = ([statistics.median(c) for c in zip(*costs)] for costs in (ours, theirs))
        print(f"| {table.stem} | {ts:.2f} | {ps:.2f} | {ps / ts:.1f} | {tm:.0f} | {pm:.0f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    maker = commands.add_parser("make")
    maker.add_argument("directory", type=Path)
    maker.add_argument("--models", type=int, default=50)
    maker.add_argument("--rows", type=int, default=200_000)
    selector = commands.add_parser("select")
    selector.add_argument("table", type=Path)
    selector.add_argument("--n", type=float, default=4.0)
    comparer = commands.add_parser("compare")
    comparer.add_argument("breadth")
    comparer.add_argument("directory", type=Path)
    comparer.add_argument("--n", type=float, default=4.0)
    comparer.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    if arguments.command == "make":
        make(arguments.directory, arguments.models, arguments.rows)
    elif arguments.command == "compare":
        compare(arguments.breadth, arguments.directory, arguments.n, arguments.runs)
    else:
        print(json.dumps(select(arguments.table, arguments.n)))


if __name__ == "__main__":
    main()
