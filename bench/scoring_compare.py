#!/usr/bin/env python3
"""Scoring and sampling on a CPU, breadth against transformers: makes random models and data, runs crates/breadth-lm/benches/scoring.rs and
bench/scoring_transformers.py in turn (A B A B), asserts that they give the same log-probabilities and writes bench/results/scoring-<date>.md.

  bench/scoring                       everything (about half an hour on two cores)
  bench/scoring --tiny                the same path in seconds, without a result file
  bench/scoring --cases shared --models 10M
"""

import argparse
import datetime
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.utils import logging

from step_compare import processor

logging.set_verbosity_error()
logging.disable_progress_bar()

# Llamas; with `--family gpt2` GPT-2s of the same sizes.
MODELS = {
    "tiny": {"width": 64, "inner": 160, "layers": 2, "heads": 2, "vocab": 500},
    "10M": {"width": 256, "inner": 768, "layers": 8, "heads": 4, "vocab": 12288},
    "100M": {"width": 768, "inner": 2048, "layers": 12, "heads": 12, "vocab": 16384},
}
# Prompts (by model), their length, responses to each and their length, and how many times transformers' speed is wanted. With `spread` s, lengths are
# uniform between 1 - s and 1 + s of these.
CASES = {
    "distinct": {"mode": "score", "prompts": {"tiny": 6, "10M": 64, "100M": 32}, "length": 256, "responses": 1, "tokens": 32, "wanted": 1.3},
    "uneven": {"mode": "score", "prompts": {"tiny": 6, "10M": 64, "100M": 32}, "length": 256, "responses": 1, "tokens": 32, "spread": 0.75, "wanted": 1.3},
    "shared": {"mode": "score", "prompts": {"tiny": 2, "10M": 4, "100M": 2}, "length": 512, "responses": 16, "tokens": 32, "wanted": 3.0},
    "sample": {"mode": "sample", "prompts": {"tiny": 2, "10M": 4, "100M": 2}, "length": 128, "responses": 32, "tokens": 64, "wanted": 2.0},
}
BATCH_SIZES = {"distinct": [1, 2, 4, 8, 16], "uneven": [1, 2, 4, 8, 16], "shared": [1, 2, 4, 8, 16], "sample": [1, 2, 4]}  # of sequences, or of prompts to sample from
TOLERANCE = 1e-3  # of a response's log-probability


def make_model(folder, family, size):
    """Weights wide enough for log-probabilities to be far from uniform."""
    positions = 600
    if family == "gpt2":
        config = AutoConfig.for_model("gpt2", n_embd=size["width"], n_inner=size["inner"], n_layer=size["layers"], n_head=size["heads"],
            vocab_size=size["vocab"], n_positions=positions)
    else:
        config = AutoConfig.for_model("llama", hidden_size=size["width"], intermediate_size=size["inner"], num_hidden_layers=size["layers"],
            num_attention_heads=size["heads"], vocab_size=size["vocab"], max_position_embeddings=positions, tie_word_embeddings=True)
    config.bos_token_id = config.eos_token_id = config.pad_token_id = None
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for p in model.parameters():
            if p.ndim > 1:
                p.normal_(std=1.5 / size["width"] ** 0.5)
    model.save_pretrained(folder)
    return sum(p.numel() for p in model.parameters())


def make_data(path, case, model, vocab):
    generator = torch.Generator().manual_seed(1)
    spread = case.get("spread", 0.0)

    def draw(length):
        low, high = round((1 - spread) * length), round((1 + spread) * length)
        return torch.randint(vocab, (torch.randint(low, high + 1, (), generator=generator),), generator=generator).tolist()

    prompts = [draw(case["length"]) for _ in range(case["prompts"][model])]
    path.write_text(json.dumps({"prompts": prompts, "responses": [[draw(case["tokens"]) for _ in range(case["responses"])] for _ in prompts]}))


def binary():
    """scoring.rs built with the workspace's features, so that its dependencies are those of the program."""
    command = ["cargo", "bench", "-q", "--workspace", "--bench", "scoring", "--no-run", "--message-format=json"]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    built = [m["executable"] for m in map(json.loads, lines) if m.get("executable") and m["target"]["name"] == "scoring"]
    return built[-1]


def run(command, **flags):
    words = [w for key, value in flags.items() for w in (f"--{key}", *map(str, value if isinstance(value, list) else [value]))]
    return json.loads(subprocess.run([*command, *words], check=True, stdout=subprocess.PIPE, text=True).stdout)


def agree(ours, theirs):
    """The largest relative difference of a response's log-probability; fails beyond the tolerance."""
    worst = max(abs(a - b) / abs(b) for a, b in zip(ours["log_probs"], theirs["log_probs"], strict=True))
    if not worst <= TOLERANCE:
        raise SystemExit(f"breadth and transformers differ by {worst:.1e} of a log-probability")
    return worst


class Bench:
    """Both sides on one checkpoint and one case."""

    def __init__(self, rust, checkpoint, scratch, name, model, options):
        self.rust, self.checkpoint, self.scratch, self.name, self.case = [rust], checkpoint, scratch, name, CASES[name]
        self.options, self.data = options, scratch / "data.json"
        make_data(self.data, self.case, model, MODELS[model]["vocab"])

    def breadth(self, **more):
        flags = {"checkpoint": self.checkpoint, "data": self.data, "mode": self.case["mode"], "threads": self.options.threads,
            "samples": self.case["responses"], "tokens": self.case["tokens"], "runs": self.options.runs}
        return run(self.rust, **flags | more)

    def transformers(self, *switches, **more):
        flags = {"checkpoint": self.checkpoint, "data": self.data, "mode": self.case["mode"], "threads": self.options.threads,
            "samples": self.case["responses"], "tokens": self.case["tokens"], "runs": self.options.runs, "batch-sizes": BATCH_SIZES[self.name]}
        return run([sys.executable, "bench/scoring_transformers.py", *switches], **flags | more)

    def rounds(self):
        """The best of the rounds' medians for each: what disturbs a machine only ever adds time. The worst disagreement."""
        ours, theirs, cached, worst = [], [], [], 0.0
        for i in range(self.options.rounds):
            print(f"{self.name}, round {i + 1}: breadth, then transformers", file=sys.stderr)
            ours.append(self.breadth())
            theirs.append(self.transformers())
            if self.name == "shared":
                cached.append(self.transformers("--prefix-cache", **{"batch-sizes": [1]}))
            worst = max(worst, *self.disagreements(ours[-1], theirs[-1], cached[-1:]))
        fastest = lambda runs: min(runs, key=lambda r: r["median_ms"], default=None)
        return fastest(ours), fastest(theirs), fastest(cached), worst

    def disagreements(self, ours, theirs, cached):
        if self.case["mode"] == "score":
            return [agree(ours, other) for other in [theirs, *cached]]
        again = self.scratch / "drawn.json"  # what each side drew, scored by the other
        data = json.loads(self.data.read_text())
        again.write_text(json.dumps(data | {"responses": ours["drawn"]}))
        first = agree(ours, self.transformers(data=again, mode="score", runs=0, **{"batch-sizes": [8]}))
        again.write_text(json.dumps(data | {"responses": theirs["drawn"]}))
        return [first, agree(self.breadth(data=again, mode="score", runs=1), theirs)]


def row(bench, model, ours, theirs, cached, worst):
    case, mine = bench.case, ours["median_ms"] / 1e3
    prompts = case["prompts"][model]
    about = "about " if "spread" in case else ""
    what = f"{prompts} prompts of {about}{case['length']}, {case['responses']} response{'s' * (case['responses'] > 1)} of {case['tokens']}"
    seconds = theirs["median_ms"] / 1e3
    ratio, by_hand = seconds / mine, cached and cached["median_ms"] / 1e3
    last = f"{by_hand:.2f} | {by_hand / mine:.2f}" if cached else " | "
    reached = "yes" if ratio >= case["wanted"] else "no"
    return (f"| {bench.name}: {what} | {model} | {bench.options.threads} | {mine:.2f} | {seconds:.2f} ({theirs['batch_size']}) | {ratio:.2f} | "
        f"{case['wanted']} | {reached} | {last} | {worst:.0e} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=["10M", "100M"])
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--family", choices=["llama", "gpt2"], default="llama")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3, help="timed runs of each side in a round, after a warm-up")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--tiny", action="store_true", help="a tiny model, one round, no result file")
    options = parser.parse_args()
    if options.tiny:
        options.models, options.rounds, options.runs = ["tiny"], 1, 1
    rust, table = binary(), []
    with tempfile.TemporaryDirectory() as scratch:
        for model in options.models:
            checkpoint = Path(scratch) / model
            parameters = make_model(checkpoint, options.family, MODELS[model])
            print(f"{model}: {parameters / 1e6:.1f} million parameters", file=sys.stderr)
            for name in options.cases:
                bench = Bench(rust, checkpoint, Path(scratch), name, model, options)
                ours, theirs, cached, worst = bench.rounds()
                table.append(row(bench, model, ours, theirs, cached, worst))
                print(table[-1], file=sys.stderr)
    text = page(options, table, theirs)
    print(text)
    if not options.tiny:
        Path(f"bench/results/scoring-{datetime.date.today().isoformat()}.md").write_text(text)


def page(options, table, theirs):
    date = datetime.date.today().isoformat()
    sizes = (f"- {name}: " + ", ".join(f"{value} {key}" for key, value in MODELS[name].items()) for name in options.models)
    return "\n".join([
        f"# Scoring and sampling, {date}",
        "",
        f"{processor()}; transformers {theirs['transformers']}, PyTorch {theirs['torch']} ({theirs['attention']} attention), float32, random weights "
        f"({options.family}). Seconds: best of {options.rounds} alternating rounds, each the median of {options.runs} runs after a warm-up. Made by `bench/scoring`.",
        "",
        *sizes,
        "",
        "transformers: batches sorted by length, no logits but the responses', the best of several batch sizes (in brackets: sequences, or prompts to sample from). "
        "`prefix cache`: each prompt encoded once and its cache repeated for the responses, written by hand. `differ`: the largest relative difference of "
        "a response's log-probability (for `sample`: what each side drew, scored by the other). breadth also gives the log-probabilities of what it draws; `generate` here does not.",
        "",
        "| what | model | threads | breadth | transformers | times | wanted | reached | prefix cache | times | differ |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
        *table,
        "",
    ])


if __name__ == "__main__":
    main()
