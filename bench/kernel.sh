#!/usr/bin/env bash
# The pairwise kernel against NumPy's column loop, in the same run. Needs a Python with numpy: PYTHON=... bench/kernel.sh
set -euo pipefail
cd "$(dirname "$0")/.."
cargo bench -q -p breadth-stats --bench kernel --no-run
OMP_NUM_THREADS=1 "${PYTHON:-python3}" bench/kernel_numpy.py
