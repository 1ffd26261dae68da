#!/usr/bin/env python3
"""Times a GPT-2-like training step and scoring in PyTorch: float32, CPU, the twin of crates/breadth-lm/benches/step.rs.

A step is forward, loss on the response tokens, backward, clipping by the global norm, AdamW. Scoring is a forward pass without gradients and
the log-probability of every response. PyTorch gets its best settings: fused scaled-dot-product attention, fused tanh-GELU, one matrix for
queries, keys and values, and the faster of its AdamW implementations. Prints JSON.

  bench/step_torch.py --layers 6 --width 384 --heads 6 --tokens 136 --batch 16 --vocab 35 --response 10
  bench/step_torch.py --layers 3 --width 128 --heads 4 --tokens 96 --batch 64 --vocab 27 --response 5

`--variant full` computes every position to the end and masks the loss; `response-only` computes the last block's queries and MLP, and
the head, at the response positions only.
"""

import argparse
import json
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc, self.out = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def split(self, x):
        """(batch, tokens, width) to (batch, heads, tokens, width / heads)"""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def rest(self, x, q, k, v, **mask):
        attended = F.scaled_dot_product_attention(q, k, v, **mask)
        x = x + self.proj(attended.transpose(1, 2).flatten(2))
        return x + self.out(F.gelu(self.fc(self.ln_2(x)), approximate="tanh"))

    def forward(self, x):
        q, k, v = self.qkv(self.ln_1(x)).chunk(3, dim=-1)
        return self.rest(x, self.split(q), self.split(k), self.split(v), is_causal=True)

    def at_the_end(self, x, positions, mask):
        """The block's output at the last positions only; keys and values are needed everywhere."""
        width = x.shape[-1]
        h = self.ln_1(x)
        q = F.linear(h[:, -positions:], self.qkv.weight[:width], self.qkv.bias[:width])
        k, v = F.linear(h, self.qkv.weight[width:], self.qkv.bias[width:]).chunk(2, dim=-1)
        return self.rest(x[:, -positions:], self.split(q), self.split(k), self.split(v), attn_mask=mask)


class Model(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.response = size.response
        self.wte, self.wpe = nn.Embedding(size.vocab, size.width), nn.Embedding(size.tokens, size.width)
        self.blocks = nn.ModuleList(Block(size.width, size.heads) for _ in range(size.layers))
        self.ln_f = nn.LayerNorm(size.width)
        mask = torch.ones(size.tokens, size.tokens, dtype=torch.bool).tril()
        self.register_buffer("mask", mask[-size.response :])
        for p in self.parameters():
            if p.ndim >= 2:
                nn.init.normal_(p, std=0.02)

    def log_probs(self, tokens, targets, variant):
        """log q of every response token: (batch, response)"""
        x = self.wte(tokens) + self.wpe.weight[: tokens.shape[1]]
        for block in self.blocks[:-1]:
            x = block(x)
        if variant == "full":
            logits = F.linear(self.ln_f(self.blocks[-1](x)), self.wte.weight)[:, -self.response :]
        else:
            logits = F.linear(self.ln_f(self.blocks[-1].at_the_end(x, self.response, self.mask)), self.wte.weight)
        return -F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view(targets.shape)


def adamw(model, **implementation):
    groups = [
        {"params": [p for p in model.parameters() if p.ndim >= 2], "weight_decay": 0.01},
        {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99), **implementation)


def faster_adamw(model):
    """Fused or foreach, whichever steps faster here; both are tried without moving the weights."""
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    kept = [p.detach().clone() for p in model.parameters()]
    times = {}
    for name in ("fused", "foreach"):
        optimiser = adamw(model, **{name: True})
        times[name] = min(timed(optimiser.step) for _ in range(4))
    with torch.no_grad():
        for p, before in zip(model.parameters(), kept):
            p.copy_(before)
    best = min(times, key=times.get)
    return best, adamw(model, **{best: True})


def timed(run):
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def measure(run, warmup, steps):
    """Median, fastest and slowest in milliseconds, after the warm-up."""
    for _ in range(warmup):
        run()
    times = [1e3 * timed(run) for _ in range(steps)]
    return {"median_ms": statistics.median(times), "min_ms": min(times), "max_ms": max(times), "steps": steps}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("layers", "width", "heads", "tokens", "batch", "vocab", "response"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=10, help="timed steps")
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--variant", choices=["full", "response-only", "both"], default="both")
    parser.add_argument("--what", choices=["step", "score", "both"], default="both")
    size = parser.parse_args()

    torch.set_num_threads(size.threads)
    both = lambda chosen, names: names if chosen == "both" else [chosen]
    results = []
    for variant in both(size.variant, ["full", "response-only"]):
        results += [run_one(size, variant, what) for what in both(size.what, ["step", "score"])]
    print(json.dumps({"torch": torch.__version__, **vars(size), "results": results}))


def run_one(size, variant, what):
    torch.manual_seed(0)
    model = Model(size)
    tokens = torch.randint(size.vocab, (size.batch, size.tokens + 1))
    tokens, targets = tokens[:, :-1], tokens[:, -size.response :]
    name, optimiser = faster_adamw(model)

    def step():
        optimiser.zero_grad(set_to_none=True)
        loss = -model.log_probs(tokens, targets, variant).mean()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()

    @torch.inference_mode()
    def score():
        return model.log_probs(tokens, targets, variant).sum(dim=1)

    # The same for both variants: a check that they compute one thing.
    checksum = -score().sum().item() / targets.numel()
    times = measure(step if what == "step" else score, size.warmup, size.steps)
    return {"what": what, "variant": variant, "adamw": name, "initial_loss": checksum, **times}


if __name__ == "__main__":
    main()
