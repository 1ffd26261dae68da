"""The tournament's pairwise kernel against NumPy's column loop on the same data, one thread, taking turns.

Started by bench/kernel.sh. Both are timed several times, alternating, and the fastest of each is compared, so that other work on the machine
does not fall on one side.
"""

import re
import subprocess
import time

import numpy as np

MODELS, ROWS, ROUNDS = 64, 200_000, 5
THRESHOLD = np.log(4.0) - 1e-9
UNITS = {"µs": 1e-6, "ms": 1e-3, "s": 1.0}


def column(model):
    """log_prob of crates/breadth-stats/benches/kernel.rs for all rows of one model."""
    rows = np.arange(ROWS, dtype=np.uint64)
    mixed = (rows * np.uint64(64) + np.uint64(model + 1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return -60.0 - 6.0 * ((mixed >> np.uint64(11)).astype(np.float64) / 2.0**53)


def numpy_seconds(columns):
    counts = np.zeros((MODELS, MODELS), dtype=np.int64)
    start = time.perf_counter()
    for i, a in enumerate(columns):
        for j, b in enumerate(columns):
            if i != j:
                counts[i, j] = np.count_nonzero(a - b >= THRESHOLD)
    seconds = time.perf_counter() - start
    assert counts[0, 1] == sum(x - y >= THRESHOLD for x, y in zip(columns[0].tolist(), columns[1].tolist())) > 0
    return seconds


def kernel_seconds():
    """Fastest time that the bench prints for one thread; the bench checks its own answer."""
    command = ["cargo", "bench", "-q", "-p", "breadth-stats", "--bench", "kernel", "unweighted"]
    text = subprocess.run(command, capture_output=True, check=True, encoding="utf-8").stdout
    row = re.search(r"unweighted\b.*?\b1\s+([\d.]+) (µs|ms|s)\b", text, re.DOTALL)
    return float(row[1]) * UNITS[row[2]]


if __name__ == "__main__":
    columns = [column(model) for model in range(MODELS)]
    rounds = [(kernel_seconds(), numpy_seconds(columns)) for _ in range(ROUNDS)]
    kernel, loop = (min(times) for times in zip(*rounds))
    print(f"{MODELS} models x {ROWS} rows, all ordered pairs, one thread, fastest of {ROUNDS} rounds")
    print(f"numpy {np.__version__} column loop  {loop * 1e3:9.1f} ms")
    print(f"breadth rival_counts        {kernel * 1e3:9.1f} ms")
    print(f"ratio                       {loop / kernel:9.1f}")
