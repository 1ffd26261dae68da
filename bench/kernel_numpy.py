"""NumPy's column loop over all ordered pairs of models, on the data of crates/breadth-stats/benches/kernel.rs.

Usage: kernel_numpy.py DIVAN_OUTPUT   (the saved output of that bench; prints both times and their ratio)
"""

import re
import sys
import time

import numpy as np

MODELS, ROWS, REPEATS = 64, 200_000, 3
THRESHOLD = np.log(4.0) - 1e-9
UNITS = {"µs": 1e-6, "ms": 1e-3, "s": 1.0}


def column(model):
    """The bench's log_prob for all rows of one model."""
    rows = np.arange(ROWS, dtype=np.uint64)
    mixed = (rows * np.uint64(64) + np.uint64(model + 1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return -60.0 - 6.0 * ((mixed >> np.uint64(11)).astype(np.float64) / 2.0**53)


def count_all(columns):
    counts = np.zeros((MODELS, MODELS), dtype=np.int64)
    for i, a in enumerate(columns):
        for j, b in enumerate(columns):
            if i != j:
                counts[i, j] = np.count_nonzero(a - b >= THRESHOLD)
    return counts


def numpy_seconds():
    columns = [column(model) for model in range(MODELS)]
    best = float("inf")
    for _ in range(REPEATS):
        start = time.perf_counter()
        counts = count_all(columns)
        best = min(best, time.perf_counter() - start)
    assert counts[0, 1] == np.count_nonzero(columns[0] - columns[1] >= THRESHOLD) > 0
    return best, counts


def divan_seconds(path):
    """Fastest time of `unweighted`, one thread: its first row with numbers after the bench's name."""
    text = open(path, encoding="utf-8").read()
    row = re.search(r"unweighted\b.*?\b1\s+([\d.]+) (µs|ms|s)\b", text, re.DOTALL)
    return float(row[1]) * UNITS[row[2]]


if __name__ == "__main__":
    kernel = divan_seconds(sys.argv[1])
    numpy, _ = numpy_seconds()
    print(f"{MODELS} models x {ROWS} rows, all ordered pairs, one thread, fastest run")
    print(f"numpy {np.__version__} column loop  {numpy * 1e3:9.1f} ms")
    print(f"breadth rival_counts        {kernel * 1e3:9.1f} ms")
    print(f"ratio                       {numpy / kernel:9.1f}")
