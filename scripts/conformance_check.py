"""Runs breadth and the reference side by side; `scripts/conformance` calls this inside its virtual environment."""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import polars
import torch
from transformers import AutoTokenizer

import conformance_reference as reference
import families

GOLDEN = Path("tests/golden/lm")
FAMILIES = Path("tests/golden/families")
LOG_PROB_TOLERANCE = 1e-4  # nats, absolute
GRADIENT_TOLERANCE = 1e-4  # of the largest entry of the tensor
PARAMETER_TOLERANCE = 3e-4  # of the largest entry; AdamW magnifies the rounding of gradients near 0
GOLDEN_TOLERANCE = 1e-6  # of the largest entry: other processors round otherwise

TRAIN = """
[task]
mixture = { g1 = 0.9, g2 = 0.1 }
[task.graph-search]
middle_layers = 3
width = 2
names = 16
edge_order = "slot"
family = { figure = "1", branching = 2, label = "drawn" }
[model]
layers = 2
width = 64
heads = 4
[optimizer]
learning_rate = 5e-3
[train]
steps = 40
batch_size = 32
"""
PAIRED_RATE, PAIRED_WARMUP, PAIRED_DECAY = 5e-3, 50, 0.05
PAIRED_TOLERANCE = 1e-3  # nats a token: rounding grows while a run turns a corner
PAIRED = f"""{TRAIN.split("[optimizer]")[0]}
[optimizer]
learning_rate = {PAIRED_RATE}
warmup_steps = {PAIRED_WARMUP}
decay_to = {PAIRED_DECAY}
[train]
steps = 300
batch_size = 64
log_every = 1
"""
PROMPT = "2 10 | 2 9 | 10 7 | 10 0 | 9 0 | 9 7 | 7 4 | 0 11 | 7 11 | 0 4 | 11 6 | 11 6 / 2 6 ="


class Report:
    """One line per comparison; the exit status says whether all agree."""

    def __init__(self):
        self.failed = False

    def compare(self, what, difference, tolerance):
        agrees = difference <= tolerance  # false for NaN
        self.failed |= not agrees
        print(f"{'ok  ' if agrees else 'FAIL'}  {what}: {difference:.2e} (at most {tolerance:.0e})", flush=True)


def main():
    match sys.argv[1:]:
        case []:
            check_gpt2()
        case ["golden"]:
            reference.write_goldens(GOLDEN)
        case ["families", "golden"]:
            families.write_all(FAMILIES)
        case ["families", *seed] if len(seed) < 2 and all(map(str.isdigit, seed)):
            check_families(int(seed[0]) if seed else 1)
        case _:
            raise SystemExit("usage: scripts/conformance [golden | families [golden | SEED]]")


def check_gpt2():
    report = Report()
    with tempfile.TemporaryDirectory() as scratch:
        check_goldens(report, Path(scratch))
        checkpoint = train(Path(scratch))
        check_run(report, Path(scratch))
        check_tokenizer(report, checkpoint)
        for name, folder in [("breadth's checkpoint", checkpoint), ("transformers' checkpoint", GOLDEN)]:
            vocab = json.loads((folder / "config.json").read_text())["vocab_size"]
            lengths = [(1 + i % 30, 1 + i * i % 13) for i in range(40)]  # unequal, the shortest possible among them
            batch = reference.random_batch(torch.Generator().manual_seed(2), lengths, vocab)
            check_log_probs(report, name, folder, batch, Path(scratch))
            check_ttt(report, name, folder, batch, Path(scratch))
            check_gradients(report, name, folder, batch, Path(scratch))
            check_adamw(report, name, folder, vocab, Path(scratch))
    sys.exit(report.failed)


def check_families(seed):
    """Every family's committed model and one made afresh, under both forms of config.json, against the numbers of transformers."""
    report = Report()
    with tempfile.TemporaryDirectory() as scratch:
        families.write_all(Path(scratch) / "fresh", seed)
        for name in families.FAMILIES:
            for what, folder in [("golden", FAMILIES / name), (f"seed {seed}", Path(scratch) / "fresh" / name)]:
                check_family(report, f"{name}, {what}", folder, Path(scratch))
    sys.exit(report.failed)


def check_family(report, name, folder, scratch):
    expected = json.loads((folder / "expected.json").read_text())
    data = scratch / "data.jsonl"
    pairs = zip(expected["prompts"], expected["responses"], strict=True)
    data.write_text("".join(json.dumps({"prompt_id": i, "prompt": x, "response": y}) + "\n" for i, (x, y) in enumerate(pairs)))
    for form in ("config.json", "config-older.json"):
        copy, table = scratch / "model", scratch / "scores.parquet"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(folder, copy)
        shutil.copy(folder / form, copy / "config.json")
        table.unlink(missing_ok=True)
        breadth("score", copy, "--data", data, "--token-logprobs", "-o", table)
        scores = {int(row["prompt_id"]): row["token_logprobs"] for row in polars.read_parquet(table).iter_rows(named=True)}
        tokens = [(a, b) for i, y in enumerate(expected["token_logprobs"]) for a, b in zip(scores[i], y, strict=True)]
        report.compare(f"{name}, {form}, {len(tokens)} token log-probabilities", worst(abs(a - b) for a, b in tokens), LOG_PROB_TOLERANCE)


def run(*command):
    """Runs a command and returns what it printed."""
    return subprocess.run([*map(str, command)], check=True, stdout=subprocess.PIPE, text=True).stdout


def built():
    """The folder of the binaries, after building both in one go: one set of features, one build of the dependencies."""
    run("cargo", "build", "--release", "--quiet", "--workspace", "--bins", "--example", "gradients", "--example", "batches")
    metadata = json.loads(run("cargo", "metadata", "--format-version", "1", "--no-deps"))
    return Path(metadata["target_directory"]) / "release"


def breadth(*arguments):
    run(built() / "breadth", *arguments, "--quiet")


def batches_example(*arguments):
    return run(built() / "examples" / "batches", *arguments)


def gradients_example(*arguments):
    return run(built() / "examples" / "gradients", *arguments)


def train(scratch):
    config, folder = scratch / "train.toml", scratch / "run"
    config.write_text(TRAIN)
    breadth("train", config, "--out", folder)
    return max((folder / "checkpoints").iterdir())


def check_goldens(report, scratch):
    """The committed goldens are what the committed program makes."""
    reference.write_goldens(scratch / "golden")
    for name in ("model", "gradients", "adamw"):
        ours, theirs = (reference.read_tensors(f / f"{name}.safetensors") for f in (scratch / "golden", GOLDEN))
        report.compare(f"golden {name}.safetensors", largest_difference(ours, theirs), GOLDEN_TOLERANCE)
    ours, theirs = (json.loads((f / "expected.json").read_text()) for f in (scratch / "golden", GOLDEN))
    flat = lambda e: torch.tensor([e["loss"], *sum(e["token_logprobs"], []), *e["adamw_losses"], *e["adamw_gradient_norms"],
        *sum((sum(lists, []) for lists in e["ttt"].values()), [])])
    report.compare("golden expected.json", largest_difference({"": flat(ours)}, {"": flat(theirs)}), GOLDEN_TOLERANCE)
    for name in ("batch.json", "adamw_batches.json"):
        same = (scratch / "golden" / name).read_text() == (GOLDEN / name).read_text()
        report.compare(f"golden {name}", 0.0 if same else float("inf"), 0.0)


def check_tokenizer(report, checkpoint):
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    words = {"|": 16, "/": 17, "=": 18}
    expected = [words.get(word) if word in words else int(word) for word in PROMPT.split()]
    same = tokenizer(PROMPT)["input_ids"] == expected and tokenizer.decode(expected) == PROMPT
    report.compare("tokenizer in transformers", 0.0 if same else float("inf"), 0.0)


def check_log_probs(report, name, folder, batch, scratch):
    data, table = scratch / "data.jsonl", scratch / "scores.parquet"
    rows = [{"prompt_id": i, "prompt": x, "response": y} for i, (x, y) in enumerate(reference.pairs(batch))]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    table.unlink(missing_ok=True)
    breadth("score", folder, "--data", data, "--token-logprobs", "-o", table)
    scores = {int(row["prompt_id"]): row for row in polars.read_parquet(table).iter_rows(named=True)}
    expected = reference.batch_log_probs(reference.load(folder), batch)
    tokens = [(ours, theirs) for i, y in enumerate(expected) for ours, theirs in zip(scores[i]["token_logprobs"], y, strict=True)]
    report.compare(f"{name}, {len(tokens)} token log-probabilities", worst(abs(a - b) for a, b in tokens), LOG_PROB_TOLERANCE)
    sums = worst(abs(scores[i]["logprob"] - sum(y)) for i, y in enumerate(expected))
    report.compare(f"{name}, response log-probabilities", sums, LOG_PROB_TOLERANCE)


def check_ttt(report, name, folder, batch, scratch):
    """Test-time training against an explicit loop, on the first examples: the loop is slow."""
    batch = {key: lists[:10] for key, lists in batch.items()}
    data, table = scratch / "ttt.jsonl", scratch / "ttt.parquet"
    rows = [{"prompt_id": i, "prompt": x, "response": y} for i, (x, y) in enumerate(reference.pairs(batch))]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    rate = reference.TTT_RATE if folder == GOLDEN else reference.GENTLE_TTT_RATE
    for which, expected in reference.batch_ttt_log_probs(reference.load(folder), batch, rate).items():
        table.unlink(missing_ok=True)
        breadth("score", folder, "--data", data, "--token-logprobs", "--ttt", f"lr={rate},set={which}", "-o", table)
        scores = {int(row["prompt_id"]): row for row in polars.read_parquet(table).iter_rows(named=True)}
        tokens = [(ours, theirs) for i, y in enumerate(expected) for ours, theirs in zip(scores[i]["token_logprobs"], y, strict=True)]
        report.compare(f"{name}, {len(tokens)} tokens with test-time training of {which}", worst(abs(a - b) for a, b in tokens), LOG_PROB_TOLERANCE)


def check_gradients(report, name, folder, batch, scratch):
    batch_file, out = scratch / "batch.json", scratch / "gradients.safetensors"
    batch_file.write_text(json.dumps(batch))
    our_loss = json.loads(gradients_example(folder, batch_file, out))["loss"]
    loss, expected = reference.gradients(reference.load(folder), batch)
    report.compare(f"{name}, loss", abs(our_loss - loss), LOG_PROB_TOLERANCE)
    ours = reference.read_tensors(out)
    report.compare(f"{name}, gradients of {len(expected)} tensors", largest_difference(ours, expected), GRADIENT_TOLERANCE)


def check_run(report, scratch):
    """A training run step by step: breadth and PyTorch from the same weights on the same batches, with warm-up, decay and clipping."""
    config, folder = scratch / "paired.toml", scratch / "paired"
    config.write_text(PAIRED)
    breadth("train", config, "--out", folder)
    ours = polars.read_parquet(folder / "metrics.parquet").sort("step")["loss"].to_list()
    batches = map(json.loads, batches_example(config, len(ours)).splitlines())
    model = reference.load(folder / "checkpoints" / "step-000000")
    theirs = reference.paired_losses(model, batches, len(ours), PAIRED_RATE, PAIRED_WARMUP, PAIRED_DECAY)
    report.compare("paired run, largest difference of the first 60 losses", worst(abs(a - b) for a, b in zip(ours[:60], theirs)), PAIRED_TOLERANCE)
    late = [sum(losses[-50:]) / 50 for losses in (ours, theirs)]
    report.compare(f"paired run, mean of the last 50 of {len(ours)} losses", abs(late[0] - late[1]), PAIRED_TOLERANCE)


def check_adamw(report, name, folder, vocab, scratch):
    generator = torch.Generator().manual_seed(3)
    batches = [reference.random_batch(generator, [(5 + i, 4), (11, 2 + i), (3, 6)], vocab) for i in range(5)]
    batches_file, out = scratch / "batches.json", scratch / "adamw.safetensors"
    batches_file.write_text(json.dumps(batches))
    gradients_example(folder, batches_file, out, "--adamw")
    model = reference.load(folder)
    reference.adamw(model, batches)
    ours, theirs = reference.read_tensors(out), {n: p.detach() for n, p in model.named_parameters()}
    for tensors in (ours, theirs):
        blank_key_biases(tensors)
    # Not the largest difference: Adam divides a gradient by its own size, so an entry whose gradient is rounding moves by the rounding's sign.
    report.compare(f"{name}, parameters after 5 AdamW steps (root mean square)", relative_distance(ours, theirs), PARAMETER_TOLERANCE)


def blank_key_biases(tensors):
    """The softmax does not depend on them: their gradient is rounding, which AdamW divides by itself."""
    for name, tensor in tensors.items():
        if name.endswith("attn.c_attn.bias"):
            tensor.view(3, -1)[1] = 0.0


def worst(differences):
    """The largest, NaN if any is."""
    return torch.tensor(list(differences), dtype=torch.float64).max().item()


def largest_difference(ours, theirs):
    """Per tensor the largest difference over the largest entry; the worst of all tensors. Infinite if names or shapes differ."""
    if {n: t.shape for n, t in ours.items()} != {n: t.shape for n, t in theirs.items()}:
        return float("inf")
    return worst(((ours[n] - t).abs().max() / t.abs().max().clamp_min(1e-30)).item() for n, t in theirs.items())


def relative_distance(ours, theirs):
    """Euclidean distance of all tensors together over their length. Infinite if names differ."""
    if ours.keys() != theirs.keys():
        return float("inf")
    flat = lambda tensors: torch.cat([tensors[n].double().flatten() for n in sorted(theirs)])
    return ((flat(ours) - flat(theirs)).norm() / flat(theirs).norm()).item()


if __name__ == "__main__":
    main()
