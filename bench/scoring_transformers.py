#!/usr/bin/env python3
"""Times scoring and sampling in Hugging Face transformers: float32, CPU, the twin of crates/breadth-lm/benches/scoring.rs.

transformers gets what a careful user gives it: the fused attention that it picks by itself, `inference_mode`, batches sorted by length and padded on the
left so that all responses end together, `logits_to_keep` (no logits where nobody asks), a log-softmax as gather minus logsumexp, and the best of
several batch sizes. `--prefix-cache` encodes each prompt once and repeats its cache for the responses, by hand. Prints JSON.

  bench/scoring_transformers.py --checkpoint DIR --data FILE --mode score --threads 2 --runs 5 --batch-sizes 1 4 16
  bench/scoring_transformers.py --checkpoint DIR --data FILE --mode sample --samples 32 --tokens 64 --threads 2 --runs 3 --batch-sizes 1 4
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import torch
import transformers
from transformers import AutoModelForCausalLM
from transformers.utils import logging

logging.set_verbosity_error()
logging.disable_progress_bar()


def left_padded(lists):
    """(tokens, mask), each (sequences, longest)."""
    longest = max(map(len, lists))
    tokens = torch.tensor([[0] * (longest - len(x)) + x for x in lists])
    mask = torch.tensor([[0] * (longest - len(x)) + [1] * len(x) for x in lists])
    return tokens, mask


def of_responses(logits, responses):
    """Sum of log q over each response; `logits` (sequences, longest response, vocabulary) end where the responses do."""
    targets, mask = left_padded(responses)
    chosen = logits.gather(-1, targets[:, :, None]).squeeze(-1) - logits.logsumexp(-1)
    return (chosen.double() * mask).sum(1).tolist()


def score_batch(model, pairs):
    """Whole sequences, as people run it."""
    tokens, mask = left_padded([x + y[:-1] for x, y in pairs])
    positions = (mask.cumsum(1) - 1).clamp_min(0)
    padded = {} if mask.all() else {"attention_mask": mask, "position_ids": positions}  # without padding attention takes its causal path
    logits = model(tokens, use_cache=False, logits_to_keep=max(len(y) for _, y in pairs), **padded).logits
    return of_responses(logits, [y for _, y in pairs])


def score_full(model, data, size):
    """Sums in the order of the data."""
    pairs = [(x, y) for x, ys in zip(data["prompts"], data["responses"], strict=True) for y in ys]
    order = sorted(range(len(pairs)), key=lambda i: -sum(map(len, pairs[i])))
    sums = [0.0] * len(pairs)
    for start in range(0, len(pairs), size):
        chosen = order[start : start + size]
        for i, value in zip(chosen, score_batch(model, [pairs[i] for i in chosen]), strict=True):
            sums[i] = value
    return sums


def score_cached(model, data, _size):
    """Each prompt once; all its responses together take its cache on."""
    sums = []
    for prompt, responses in zip(data["prompts"], data["responses"], strict=True):
        assert len({len(y) for y in responses}) == 1, "responses of one length: padding between prompt and response is not written here"
        first = model(torch.tensor([prompt]), use_cache=True, logits_to_keep=1)
        cache = first.past_key_values
        cache.batch_repeat_interleave(len(responses))
        rest = model(torch.tensor([y[:-1] for y in responses]), past_key_values=cache).logits
        logits = torch.cat([first.logits.expand(len(responses), -1, -1), rest], dim=1)
        sums += of_responses(logits, responses)
    return sums


def sample(model, data, size, samples, tokens):
    """`size` prompts at a time. Returns the responses to each prompt."""
    drawn = []
    for start in range(0, len(data["prompts"]), size):
        inputs, mask = left_padded(data["prompts"][start : start + size])
        out = model.generate(
            inputs, attention_mask=mask, do_sample=True, temperature=1.0, top_k=0, top_p=1.0, num_return_sequences=samples,
            max_new_tokens=tokens, pad_token_id=0)
        assert out.shape == (len(inputs) * samples, inputs.shape[1] + tokens)
        drawn += out[:, inputs.shape[1] :].unflatten(0, (-1, samples)).tolist()
    return drawn


def best_size(run, sizes):
    """What a run of the fastest batch size gives, that size, and the seconds of each: one run to warm up, one to choose."""
    seconds = {}
    run(sizes[0])
    for size in sizes:
        start = time.perf_counter()
        result = run(size)
        seconds[size] = time.perf_counter() - start
        if seconds[size] == min(seconds.values()):
            best = result, size
    return *best, seconds


def measure(run, runs):
    """Median, fastest and slowest in milliseconds."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - start))
    return {"median_ms": statistics.median_high(times), "min_ms": min(times), "max_ms": max(times)}


@torch.inference_mode()
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--mode", choices=["score", "sample"], required=True)
    parser.add_argument("--prefix-cache", action="store_true")
    parser.add_argument("--samples", type=int, default=32)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=5, help="timed runs; 0 to compute only")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 4, 16])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(options.checkpoint, dtype=torch.float32).eval()
    model.generation_config.eos_token_id = None
    data = json.loads(options.data.read_text())
    what = {
        "sample": lambda size: sample(model, data, size, options.samples, options.tokens),
        "score": lambda size: (score_cached if options.prefix_cache else score_full)(model, data, size),
    }[options.mode]
    value, size, seconds = best_size(what, options.batch_sizes)
    times = measure(lambda: what(size), options.runs) if options.runs else {}
    if options.mode == "sample":
        data["responses"], drawn = value, value
        value = score_full(model, data, 16)
    print(json.dumps({
        "mode": options.mode, **times, "checksum": sum(value), "log_probs": value, "drawn": drawn if options.mode == "sample" else None,
        "batch_size": size, "seconds_by_batch_size": seconds,
        "attention": model.config._attn_implementation, "transformers": transformers.__version__, "torch": torch.__version__,
    }))


if __name__ == "__main__":
    main()
