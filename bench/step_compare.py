#!/usr/bin/env python3
"""Runs crates/breadth-lm/benches/step.rs and bench/step_torch.py in turn (A B A B) and writes the table of bench/results/step-<date>.md.
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


def binary():
    """step.rs built with the workspace's features, so that its dependencies are those of the program."""
    command = ["cargo", "bench", "-q", "--workspace", "--bench", "step", "--no-run", "--message-format=json"]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    built = [m["executable"] for m in map(json.loads, lines) if m.get("executable") and m["target"]["name"] == "step"]
    return built[-1]


def breadth(threads):
    """{(what, size): median in milliseconds}."""
    medians = {}
    for name, size in SIZES.items():
        flags = [word for key, value in {**size, "threads": threads, "steps": 10, "warmup": 3}.items() for word in (f"--{key}", str(value))]
        report = json.loads(subprocess.run([binary(), *flags], check=True, stdout=subprocess.PIPE, text=True).stdout)
        medians |= {(r["what"], name): r["median_ms"] for r in report["results"]}
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
