#!/usr/bin/env python3
"""`breadth.select` on a Polars frame in memory, beside the command line on the Parquet file.

    bench/select_frame.py BREADTH DIR [--n 4] [--runs 5]

DIR is made by `bench/select_polars.py make`; the Python package is one built by `scripts/wheel`. For each table, in turn: the
whole process `BREADTH select`, Polars reading the same columns of the file (for what reading costs), and `breadth.select` on the
frame that was read. Both must name the same winner and value. Prints medians as a Markdown table; the ratio is that of Python to
the command line without its reading.
"""

import argparse
import json
import statistics
import subprocess
import time
from pathlib import Path

import polars as pl

import breadth

COLUMNS = ["source", "prompt_id", "response_id", "model", "logprob"]


def timed(action):
    start = time.perf_counter()
    result = action()
    return result, time.perf_counter() - start


def value_of(document) -> tuple:
    winner = document["winner"]
    return winner, next(m["value"] for m in document["models"] if m["model"] == winner)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("breadth")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--n", type=float, default=4.0)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    print("| table | command line s | reading s | Python s | Python / rest |")
    print("|---|---|---|---|---|")
    for table in sorted(arguments.directory.glob("*.parquet")):
        command = [arguments.breadth, "select", str(table), "-n", str(arguments.n), "--json", "-q"]
        whole, reading, python = [], [], []
        for _ in range(arguments.runs):
            printed, seconds = timed(lambda: subprocess.run(command, check=True, capture_output=True))
            whole.append(seconds)
            frame, seconds = timed(lambda: pl.read_parquet(table, columns=COLUMNS))
            reading.append(seconds)
            choice, seconds = timed(lambda: breadth.select(frame, n=arguments.n))
            python.append(seconds)
            assert value_of(json.loads(printed.stdout)) == value_of(choice.to_dict()), table
        whole, reading, python = map(statistics.median, (whole, reading, python))
        print(f"| {table.stem} | {whole:.2f} | {reading:.2f} | {python:.2f} | {python / (whole - reading):.2f} |")


if __name__ == "__main__":
    main()
