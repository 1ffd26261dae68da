"""Scores by `breadth.torch` on an accelerator: right, independent of the batch, and how fast.

    python3 python/checks/gpu.py [--tiny] [--json FILE]

Two random models (Llama and GPT-2 shapes, 0.3 to 0.4B parameters) score 2,000 responses: 8 to each
of 200 prompts of up to 400 tokens, and 16 to each of 25 of up to 1,600. Told and checked:

- float32 on the accelerator against float32 on the processor (1e-4 nats a token);
- every way through a batch against every other: prompts shared or not, small batches, other
  neighbours, packed (1e-3 nats a token: another order of sums);
- bfloat16 against float32: how far tokens and responses move;
- tokens a second and memory beside the model, against a plain loop: padded batches in the order of
  the data, and a float32 log-softmax over all logits.

`--tiny` is the same in seconds on a processor. Needs torch and transformers alone. The exit status
is 1 where a check fails.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

import transformers

import torch
from breadth.torch import Pair, Scorer

ON_PROCESSOR, ANOTHER_ORDER = 1e-4, 1e-3


def models(tiny):
    """Name and configuration; the head is wide enough that laws are not flat."""
    size = {"llama": (1024, 12, 128256), "gpt2": (1024, 16, 50257)}
    if tiny:
        size = {"llama": (64, 2, 997), "gpt2": (64, 2, 997)}
    width, layers, vocabulary = size["llama"]
    yield (
        "llama",
        transformers.LlamaConfig(
            hidden_size=width,
            intermediate_size=3 * width,
            num_hidden_layers=layers,
            num_attention_heads=width // 64 or 1,
            num_key_value_heads=max(1, width // 256),
            vocab_size=vocabulary,
            max_position_embeddings=2048,
            tie_word_embeddings=False,
        ),
    )
    width, layers, vocabulary = size["gpt2"]
    yield (
        "gpt2",
        transformers.GPT2Config(
            n_embd=width,
            n_layer=layers,
            n_head=width // 64 or 1,
            vocab_size=vocabulary,
            n_positions=2048,
            tie_word_embeddings=False,
        ),
    )


def build(config, device):
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    with torch.no_grad():
        head = model.get_output_embeddings().weight
        head.normal_(std=3.0 / head.shape[1] ** 0.5)
    return model.to(device).eval()


def data(vocabulary, tiny):
    """Groups of responses to one prompt: many short prompts, some long ones, mixed."""
    draw = random.Random(0)
    kinds = [(200, 8, 400, 200), (25, 16, 1600, 200)]  # groups, responses, longest two
    if tiny:
        kinds = [(10, 4, 40, 20), (4, 16, 100, 20)]

    def some(least, most):
        return [draw.randrange(vocabulary) for _ in range(draw.randint(least, most))]

    groups = []
    for count, each, prompt, response in kinds:
        for _ in range(count):
            asked = some(prompt * each // 20, prompt)
            groups.append([Pair(asked, some(response // 8, response)) for _ in range(each)])
    draw.shuffle(groups)
    return [pair for group in groups for pair in group]


class Timed:
    """Seconds of what happens inside, and the most memory beside what was there."""

    def __init__(self, device):
        self.device = device

    def __enter__(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize()
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
            self.before = torch.cuda.memory_allocated()
        self.began = time.perf_counter()
        return self

    def __exit__(self, *_):
        self.memory = None
        if self.device.type == "cuda":
            torch.cuda.synchronize()
            self.memory = (torch.cuda.max_memory_allocated() - self.before) / 2**30
        self.seconds = time.perf_counter() - self.began


@torch.no_grad()
def naive(model, pairs, device, batch=16):
    found = []
    for at in range(0, len(pairs), batch):
        some = pairs[at : at + batch]
        rows = [[*p.prompt, *p.response] for p in some]
        width = max(map(len, rows))
        ids = torch.tensor([row + [0] * (width - len(row)) for row in rows], device=device)
        mask = torch.tensor([[1] * len(r) + [0] * (width - len(r)) for r in rows], device=device)
        laws = model(input_ids=ids, attention_mask=mask).logits.float().log_softmax(-1)
        own = laws[:, :-1].gather(-1, ids[:, 1:, None])[..., 0]
        for row, p in zip(own, some, strict=True):
            first = len(p.prompt) - 1
            found.append(row[first : first + len(p.response)].tolist())
    return found


def differences(ours, theirs):
    return [[a - b for a, b in zip(x, y, strict=True)] for x, y in zip(ours, theirs, strict=True)]


def worst(ours, theirs):
    return max(abs(d) for own in differences(ours, theirs) for d in own)


def tokens(pairs):
    return sum(len(p.prompt) + len(p.response) - 1 for p in pairs)


def speed(name, timed, pairs):
    rate = tokens(pairs) / timed.seconds
    memory = "" if timed.memory is None else f"  {timed.memory:6.2f} GiB beside the model"
    print(f"  {name:38s} {timed.seconds:7.2f} s  {rate:10,.0f} tokens/s{memory}", flush=True)
    return {"seconds": timed.seconds, "tokens_per_second": rate, "peak_gib": timed.memory}


def check(name, config, device, tiny, report):
    model = build(config, device)
    pairs = data(config.vocab_size, tiny)
    few = pairs[: len(pairs) // 8]
    millions = sum(p.numel() for p in model.parameters()) / 1e6
    print(
        f"{name}: {millions:.0f}M parameters, {len(pairs)} sequences, "
        f"{tokens(pairs):,} input tokens",
        flush=True,
    )
    found = {"parameters_millions": millions, "sequences": len(pairs), "tokens": tokens(pairs)}
    Scorer(model).token_log_probs(few[:16])  # kernels are chosen and loaded
    runs, speeds = {}, {}
    for label, options in (
        ("shared prompts", {}),
        ("every response whole", {"share_prompts": False}),
    ):
        with Timed(device) as timed:
            runs[label] = Scorer(model, **options).token_log_probs(pairs)
        speeds[f"float32, {label}"] = speed(f"float32, {label}", timed, pairs)
    with Timed(device) as timed:
        plain = naive(model, few, device)
    speeds["float32, plain loop"] = speed("float32, plain loop (an eighth)", timed, few)
    exact = runs["shared prompts"]
    report.limit(found, "the plain loop", worst(exact[: len(few)], plain), ANOTHER_ORDER)
    whole = runs["every response whole"]
    report.limit(found, "responses read whole", worst(exact, whole), ANOTHER_ORDER)
    for label, options in (
        ("small batches", {"batch_tokens": 1500}),
        ("packed", {"layout": "packed", "share_prompts": False, "batch_tokens": 4096}),
    ):
        scorer = Scorer(model, **options)
        again = scorer.token_log_probs(few)
        report.limit(found, label, worst(exact[: len(few)], again), ANOTHER_ORDER)
        if label == "packed" and not scorer.packs:
            report.fail("packing was given up")
    order = list(range(len(few)))
    random.Random(1).shuffle(order)
    again = Scorer(model).token_log_probs([few[at] for at in order])
    report.limit(
        found, "other neighbours", worst([exact[at] for at in order], again), ANOTHER_ORDER
    )
    short = sorted(range(len(few)), key=lambda at: len(few[at].inputs))[:24]
    own = build(config, torch.device("cpu"))
    processor = Scorer(own).token_log_probs([few[at] for at in short])
    report.limit(
        found,
        "float32 on the processor",
        worst([exact[at] for at in short], processor),
        ON_PROCESSOR,
    )
    del own
    half = model.to(torch.bfloat16)
    Scorer(half).token_log_probs(few[:16])
    for label, options in (
        ("shared prompts", {}),
        ("every response whole", {"share_prompts": False}),
    ):
        with Timed(device) as timed:
            runs[label] = Scorer(half, **options).token_log_probs(pairs)
        speeds[f"bfloat16, {label}"] = speed(f"bfloat16, {label}", timed, pairs)
    with Timed(device) as timed:
        plain = naive(half, few, device)
    speeds["bfloat16, plain loop"] = speed("bfloat16, plain loop (an eighth)", timed, few)
    for label, other in (("bfloat16", exact), ("bfloat16, plain loop", None)):
        reference = exact if other is not None else exact[: len(few)]
        found[label] = moved(
            label, runs["shared prompts"] if other is not None else plain, reference
        )
    found["speed"] = speeds
    return found


def moved(label, ours, theirs):
    """How far numbers are from float32's, by token and by response."""
    gaps = differences(ours, theirs)
    by_token = [abs(d) for own in gaps for d in own]
    by_response = [abs(sum(own)) for own in gaps]
    mean = sum(d for own in gaps for d in own) / len(by_token)
    said = {
        "token_max": max(by_token),
        "token_mean": sum(by_token) / len(by_token),
        "token_bias": mean,
        "response_max": max(by_response),
        "response_mean": sum(by_response) / len(by_response),
        "response_log_prob_mean": sum(map(sum, theirs)) / len(theirs),
    }
    print(
        f"  {label} against float32: a token {said['token_mean']:.4f} on average (bias "
        f"{mean:+.5f}), at most {said['token_max']:.3f}; a response "
        f"{said['response_mean']:.3f} on average, at most {said['response_max']:.2f} nats of "
        f"{said['response_log_prob_mean']:.0f}",
        flush=True,
    )
    return said


class Report:
    def __init__(self):
        self.failed = False

    def limit(self, found, what, difference, most):
        agrees = difference <= most  # false for NaN
        self.failed |= not agrees
        found[what] = difference
        print(
            f"  {'ok  ' if agrees else 'FAIL'} {what}: {difference:.2e} (at most {most:.0e})",
            flush=True,
        )

    def fail(self, what):
        self.failed = True
        print(f"  FAIL {what}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    transformers.utils.logging.set_verbosity_error()
    device = torch.device("cuda" if torch.cuda.is_available() and not options.tiny else "cpu")
    named = torch.cuda.get_device_name() if device.type == "cuda" else "processor"
    print(f"{named}, torch {torch.__version__}, transformers {transformers.__version__}")
    report, began = Report(), time.perf_counter()
    document = {
        "device": named,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
    for name, config in models(options.tiny):
        document[name] = check(name, config, device, options.tiny, report)
    document["seconds"] = time.perf_counter() - began
    document["ok"] = not report.failed
    print(f"{document['seconds']:.0f} s in all; {'ok' if document['ok'] else 'FAILED'}")
    text = json.dumps(document, indent=1)
    if options.json:
        options.json.write_text(text + "\n")
    print(text)
    sys.exit(report.failed)


if __name__ == "__main__":
    main()
