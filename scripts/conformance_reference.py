"""The reference that breadth's decoder, gradients and optimiser are compared with: Hugging Face's GPT-2 in PyTorch, float64.

Everything here is the plain definition, one example at a time and without padding, so that it is right by inspection; speed does not matter.
"""

import copy
import json
from pathlib import Path

import torch
import torch.nn.utils.parametrize
from safetensors.torch import load_file, save_file
from transformers import GPT2Config, GPT2LMHeadModel
from transformers.utils import logging

import conformance_rng

logging.set_verbosity_error()
logging.disable_progress_bar()

ADAMW = {"lr": 1e-2, "betas": (0.9, 0.99), "eps": 1e-8}
WEIGHT_DECAY = 0.01
CLIP = 1.0
TTT_RATE = 0.05
# For a trained model: at 0.05 one response of ten diverges (to -413 nats a token) and multiplies any rounding by 4e5, so that float32 says nothing there, PyTorch's own neither.
GENTLE_TTT_RATE = 0.01
LOW_RANK = "low-rank:3"


def load(folder):
    """The checkpoint as float64, dropout off. Fails if a weight is missing, left over or of another shape."""
    model, info = GPT2LMHeadModel.from_pretrained(folder, output_loading_info=True, attn_implementation="eager")
    wrong = {name: keys for name, keys in info.items() if keys}
    if wrong:
        raise SystemExit(f"{folder} does not load cleanly: {wrong}")
    return model.double().eval()


def token_log_probs(model, prompt, response):
    """log q(y_h | x, y_<h) for every response token, nats."""
    tokens = torch.tensor([prompt + response[:-1]])
    logits = model(tokens).logits[0, len(prompt) - 1 :]
    log_probs = torch.log_softmax(logits, dim=-1)
    return log_probs[torch.arange(len(response)), torch.tensor(response)]


def batch_log_probs(model, batch):
    """A list of lists, one per example."""
    with torch.no_grad():
        return [token_log_probs(model, x, y).tolist() for x, y in pairs(batch)]


def ttt_log_probs(model, prompt, response, which, rate):
    """The same under the model that takes a gradient step on every response token before the next (Eq 22), as an explicit loop.

    `head`: the output matrix alone, untied; `last-block`; `all`: everything, the tied table as one; `low-rank:R`: B alone in W + A'B of every matrix of a block.
    """
    model, head = copy.deepcopy(model), model.lm_head.weight.detach().clone().requires_grad_()
    parameters = {
        "head": lambda: [head],
        "last-block": lambda: list(model.transformer.h[-1].parameters()),
        "all": lambda: list(model.parameters()),
        LOW_RANK: lambda: low_rank(model, int(LOW_RANK.split(":")[1])),
    }[which]()
    values = []
    for h, token in enumerate(response):
        hidden = model.transformer(torch.tensor([prompt + response[:h]])).last_hidden_state[0, -1]
        matrix = head if which == "head" else model.lm_head.weight
        value = torch.log_softmax(matrix @ hidden, dim=-1)[token]
        values.append(value.item())
        gradients = torch.autograd.grad(value, parameters)
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter += rate * gradient
    return values


class LowRank(torch.nn.Module):
    """W -> W + A'B, with A (rank, inputs) of signs over sqrt(rank) from the weight's stream, and B (rank, outputs) from 0."""

    def __init__(self, name, weight, rank):
        super().__init__()
        signs = conformance_rng.stream(0, f"ttt/{name}", 0)
        inputs, outputs = weight.shape  # GPT-2's layers keep their weights so
        a = [1.0 if conformance_rng.uniform(signs) < 0.5 else -1.0 for _ in range(rank * inputs)]
        self.a = torch.tensor(a, dtype=weight.dtype).reshape(rank, inputs) / rank**0.5
        self.b = torch.nn.Parameter(torch.zeros(rank, outputs, dtype=weight.dtype))

    def forward(self, weight):
        return weight + self.a.T @ self.b


def low_rank(model, rank):
    """Gives every matrix of a block its W + A'B; the Bs, in order."""
    matrices = [(n, p) for n, p in model.named_parameters() if n.startswith("transformer.h.") and p.ndim == 2]
    moved = []
    for name, weight in matrices:
        module = model.get_submodule(name.rpartition(".")[0])
        extra = LowRank(name, weight, rank)
        torch.nn.utils.parametrize.register_parametrization(module, "weight", extra)
        moved.append(extra.b)
    return moved


def batch_ttt_log_probs(model, batch, rate=TTT_RATE):
    """For each parameter set a list of lists, one per example."""
    return {which: [ttt_log_probs(model, x, y, which, rate) for x, y in pairs(batch)] for which in ("head", "last-block", "all", LOW_RANK)}


def loss(model, batch):
    """Mean over all response tokens of the batch of -log q; prompt tokens do not count."""
    return -torch.cat([token_log_probs(model, x, y) for x, y in pairs(batch)]).mean()


def gradients(model, batch):
    """(loss, {name: gradient}) under the names of model.safetensors; the tied head adds to `transformer.wte.weight`."""
    model.zero_grad(set_to_none=True)
    value = loss(model, batch)
    value.backward()
    return value.item(), {name: p.grad for name, p in model.named_parameters()}


def adamw(model, batches):
    """One step per batch, in place. Returns the loss and the gradient norm (before clipping) of every step."""
    optimiser = torch.optim.AdamW(
        [
            {"params": [p for p in model.parameters() if p.ndim >= 2], "weight_decay": WEIGHT_DECAY},
            {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
        ],
        **ADAMW,
    )
    losses, norms = [], []
    for batch in batches:
        value, _ = gradients(model, batch)
        losses.append(value)
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP).item())
        optimiser.step()
    return losses, norms


def paired_losses(model, batches, steps, rate, warmup, decay_to):
    """The losses of a run in place: AdamW with warm-up and linear decay. All sequences of a batch have one length."""
    groups = [[p for p in model.parameters() if p.ndim >= 2], [p for p in model.parameters() if p.ndim < 2]]
    optimiser = torch.optim.AdamW(
        [{"params": group, "weight_decay": decay} for group, decay in zip(groups, (WEIGHT_DECAY, 0.0))], betas=ADAMW["betas"]
    )
    losses = []
    for step, batch in enumerate(batches):
        tokens = torch.tensor([x + y for x, y in pairs(batch)])
        length = len(batch["responses"][0])
        logits = model(tokens[:, :-1]).logits[:, -length:]
        value = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, -length:].flatten())
        optimiser.zero_grad(set_to_none=True)
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        done = step + 1
        share = done / warmup if done <= warmup else 1 + (done - warmup) / (steps - warmup) * (decay_to - 1)
        for group in optimiser.param_groups:
            group["lr"] = rate * share
        optimiser.step()
        losses.append(value.item())
    return losses


def tiny_model(seed):
    """A GPT-2 whose every parameter matters: biases are not zero and LayerNorm weights not one."""
    config = GPT2Config(
        vocab_size=19, n_positions=64, n_embd=32, n_layer=2, n_head=4, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
        bos_token_id=None, eos_token_id=None,
    )
    generator = torch.Generator().manual_seed(seed)
    model = GPT2LMHeadModel(config)
    with torch.no_grad():
        for name, p in model.named_parameters():
            centre = 1.0 if name.endswith("weight") and ".ln_" in name else 0.0
            p.copy_(centre + 0.2 * torch.randn(p.shape, generator=generator))
    return model


def random_batch(generator, lengths, vocab):
    """Uniform tokens; `lengths` are (prompt, response) pairs."""
    draw = lambda n: torch.randint(vocab, (n,), generator=generator).tolist()
    return {"prompts": [draw(x) for x, _ in lengths], "responses": [draw(y) for _, y in lengths]}


def pairs(batch):
    """(prompt, response) token lists."""
    return list(zip(batch["prompts"], batch["responses"], strict=True))


def save_tensors(path, tensors):
    """float32, as breadth writes them."""
    save_file({name: t.detach().float().contiguous() for name, t in tensors.items()}, path)
    path.chmod(0o644)


def write_goldens(folder):
    """tests/golden/lm: see the README.md there."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tiny_model(seed=0).save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)
    (folder / "generation_config.json").unlink(missing_ok=True)

    # Unequal lengths, the shortest possible (1, 1), and one that fills all 64 positions (prompt + response - 1).
    generator = torch.Generator().manual_seed(1)
    batch = random_batch(generator, [(7, 5), (1, 1), (53, 12), (20, 3), (12, 9)], vocab=19)
    steps = [random_batch(generator, [(5 + i, 4), (11, 2 + i), (3, 6)], vocab=19) for i in range(5)]
    write_json(folder / "batch.json", batch)
    write_json(folder / "adamw_batches.json", steps)

    model = load(folder)
    value, grads = gradients(model, batch)
    expected = {"loss": value, "token_logprobs": batch_log_probs(model, batch)}
    expected["ttt"] = batch_ttt_log_probs(model, batch)
    save_tensors(folder / "gradients.safetensors", grads)
    expected["adamw_losses"], expected["adamw_gradient_norms"] = adamw(model, steps)
    save_tensors(folder / "adamw.safetensors", dict(model.named_parameters()))
    write_json(folder / "expected.json", expected)


def write_json(path, value):
    """One line per entry, so that diffs stay readable."""
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    entries = (f"{json.dumps(k)}: {json.dumps(v)}" for k, v in value.items()) if isinstance(value, dict) else map(json.dumps, value)
    Path(path).write_text(opening + "\n" + ",\n".join(entries) + "\n" + closing + "\n")


def read_tensors(path):
    """float64, for comparisons."""
    return {name: t.double() for name, t in load_file(path).items()}
