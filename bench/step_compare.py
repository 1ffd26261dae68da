#!/usr/bin/env python3
"""Runs crates/breadth-lm/benches/step.rs and bench/step_torch.py in turn (A B A B) and writes the table of bench/results/step-<date>.md.

A benchmark of step.rs is found by its name: it contains `step` or `score`, and `large` or `small`.
"""

import argparse
import datetime
import json
import os
import platform
import re
import statistics
import subprocess
import sys
from pathlib import Path

# The two sizes. Prompts of the task end in a response of 10 and 5 tokens; the loss is on these only.
SIZES = {
    "large": {"layers": 6, "width": 384, "heads": 6, "tokens": 136, "batch": 16, "vocab": 35, "response": 10},
    "small": {"layers": 3, "width": 128, "heads": 4, "tokens": 96, "batch": 64, "vocab": 27, "response": 5},
}
# What step.rs may take, as a multiple of PyTorch's time with every position computed to the end.
TARGETS = {("step", "large"): 1.0, ("step", "small"): 1.2, ("score", "large"): 0.8, ("score", "small"): 1.0}
VARIANTS = ("full", "response-only")
UNITS = {"ns": 1e-6, "µs": 1e-3, "ms": 1.0, "s": 1e3}
LEAF = re.compile(r"^(?P<indent>[│├╰─ ]*)(?P<name>[\w-]+)(?P<cells>.*)$")


def breadth(threads):
    """{(what, size): median in milliseconds} from divan's table."""
    command = ["cargo", "bench", "-q", "-p", "breadth-lm", "--bench", "step"]
    environment = {**os.environ, "RAYON_NUM_THREADS": str(threads)}
    table = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    medians = read_divan(table)
    if missing := TARGETS.keys() - medians.keys():
        sys.exit(f"benches/step.rs printed no benchmark for {sorted(missing)}:\n{table}")
    return medians


def read_divan(table):
    medians, path = {}, []
    for line in table.splitlines():
        match = LEAF.match(line)
        if not match:
            continue
        path = path[: len(match["indent"]) // 3] + [match["name"]]
        cells = [cell.split() for cell in match["cells"].split("│")]
        if len(cells) < 3 or len(cells[2]) != 2 or cells[2][1] not in UNITS:
            continue  # a header or a group
        name = " ".join(path[1:])  # without the table itself, which is called step
        for what, size in TARGETS:
            if what in name and size in name:
                medians[what, size] = float(cells[2][0]) * UNITS[cells[2][1]]
    return medians


def torch(threads):
    """{(what, size, variant): median in milliseconds}, and the version."""
    medians = {}
    for name, size in SIZES.items():
        flags = [f"--{key}={value}" for key, value in size.items()]
        command = [sys.executable, "bench/step_torch.py", f"--threads={threads}", *flags]
        report = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
        losses = [result["initial_loss"] for result in report["results"]]
        assert max(losses) - min(losses) < 1e-5, f"the variants compute different losses: {losses}"
        medians |= {(r["what"], name, r["variant"]): r["median_ms"] for r in report["results"]}
    return medians, report["torch"]


def measure(threads, rounds):
    """The best of the rounds' medians for each: what disturbs a machine only ever adds time."""
    ours, theirs = [], []
    for i in range(rounds):
        print(f"{threads} threads, round {i + 1} of {rounds}: breadth, then PyTorch", file=sys.stderr)
        ours.append(breadth(threads))
        medians, version = torch(threads)
        theirs.append(medians)
    best = lambda runs: {key: min(run[key] for run in runs) for key in runs[0]}
    spread = statistics.median(max(run[key] for run in theirs) / best(theirs)[key] for key in theirs[0])
    return best(ours), best(theirs), spread, version


def rows(threads, ours, theirs):
    for (what, size), target in TARGETS.items():
        mine = ours[what, size]
        full, short = (theirs[what, size, variant] for variant in VARIANTS)
        verdict = "yes" if mine <= target * full else "no"
        yield f"| {what} | {size} | {threads} | {mine:.0f} | {full:.0f} | {mine / full:.2f} | {target} | {verdict} | {short:.0f} | {mine / short:.2f} |"


def processor():
    names = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text()) if Path("/proc/cpuinfo").exists() else []
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} logical cores"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    date = datetime.date.today().isoformat()
    table, notes = [], []
    for threads in options.threads:
        ours, theirs, spread, version = measure(threads, options.rounds)
        table += rows(threads, ours, theirs)
        notes.append(f"PyTorch's slower round took {spread:.2f} times its faster one at {threads} threads (median over the rows).")
    text = "\n".join([
        f"# Training step and scoring, {date}",
        "",
        f"{processor()}; PyTorch {version}, float32. Milliseconds: best of {options.rounds} alternating rounds, each the median of at least 10 runs.",
        "",
        *(f"- {name}: " + ", ".join(f"{value} {key}" for key, value in size.items()) for name, size in SIZES.items()),
        "",
        "`full` computes every position to the end; `response-only` the last block's queries and MLP, and the head, at response positions only, as breadth does.",
        "",
        "| what | size | threads | breadth | PyTorch full | ratio | wanted | reached | PyTorch response-only | ratio |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *table,
        "",
        *notes,
        "",
    ])
    out = Path(f"bench/results/step-{date}.md")
    out.parent.mkdir(exist_ok=True)
    out.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
