"""The tournament's pairwise kernel against NumPy's column loop on the same data, one thread, taking turns.

Started by bench/kernel.sh. Both are timed several times, alternating, and the fastest of each is compared, so that other work on the machine
does not fall on one side.
"""

import os
import re
import subprocess
import time

import numpy as np

MODELS, ROWS, ROUNDS = 64, 200_000, 5
LEVEL_ROWS, LEVEL_ROUNDS = 1_000_000, 2
LEVELS = np.arange(16) * 0.5 * np.log(2.0) - 1e-9
THRESHOLD = np.log(4.0) - 1e-9
UNITS = {"µs": 1e-6, "ms": 1e-3, "s": 1.0}


def column(model, count):
    """log_prob of crates/breadth-stats/benches/kernel.rs for the first rows of one model."""
    rows = np.arange(count, dtype=np.uint64)
    mixed = (rows * np.uint64(64) + np.uint64(model + 1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return -60.0 - 6.0 * ((mixed >> np.uint64(11)).astype(np.float64) / 2.0**53)


def numpy_seconds(columns, levels):
    counts = np.zeros((len(levels), MODELS, MODELS), dtype=np.int64)
    start = time.perf_counter()
    for i, a in enumerate(columns):
        for j, b in enumerate(columns):
            if i != j:
                difference = a - b
                for level, threshold in enumerate(levels):
                    counts[level, i, j] = np.count_nonzero(difference >= threshold)
    seconds = time.perf_counter() - start
    assert counts[0, 0, 1] == sum(x - y >= levels[0] for x, y in zip(columns[0].tolist(), columns[1].tolist())) > 0
    return seconds


def kernel_seconds(bench, rows):
    """Fastest time that the bench prints for one thread; the bench checks its own answer."""
    command = ["cargo", "bench", "-q", "-p", "breadth-stats", "--bench", "kernel", bench]
    environment = {**os.environ, "LEVEL_ROWS": str(rows)}
    text = subprocess.run(command, capture_output=True, check=True, encoding="utf-8", env=environment).stdout
    row = re.search(bench + r"\b.*?\b1\s+([\d.]+) (µs|ms|s)\b", text, re.DOTALL)
    return float(row[1]) * UNITS[row[2]]


def compare(bench, rows, levels, rounds):
    columns = [column(model, rows) for model in range(MODELS)]
    pairs = [(kernel_seconds(bench, rows), numpy_seconds(columns, levels)) for _ in range(rounds)]
    kernel, loop = (min(times) for times in zip(*pairs))
    print(f"{MODELS} models x {rows} rows x {len(levels)} levels, all ordered pairs, one thread, fastest of {rounds} rounds")
    print(f"numpy {np.__version__} column loop  {loop * 1e3:9.1f} ms")
    print(f"breadth                     {kernel * 1e3:9.1f} ms")
    print(f"ratio                       {loop / kernel:9.1f}")
    comparisons = MODELS * (MODELS - 1) * rows * len(levels)
    print(f"comparisons                 {comparisons / kernel * 1e-9:9.1f} thousand million a second")


if __name__ == "__main__":
    compare("unweighted", ROWS, [THRESHOLD], ROUNDS)
    compare("sixteen_levels", LEVEL_ROWS, LEVELS, LEVEL_ROUNDS)
