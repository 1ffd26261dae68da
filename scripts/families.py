"""Tiny random models of every decoder family, made by Hugging Face transformers with every option of the family on that breadth reads.

    scripts/conformance families golden     writes tests/golden/families again (see the README.md there)
    scripts/conformance families [SEED]     makes them afresh from another seed and compares breadth with them, live

A model is of use here only if every option matters: `check` sets each option to its usual value and each tensor to its neutral one (norm gains 1,
the rest 0), and wants some log-probability to move by more than 1e-2. The reference is float32, eager attention, each text alone, and a float64
log-softmax; `check` also says how far the same forward pass in float64 is from it.
"""

import copy
import json
import math
from dataclasses import dataclass, field
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.utils import logging

logging.set_verbosity_error()
logging.disable_progress_bar()

VOCAB, POSITIONS = 61, 64
GREEDY_TOKENS = 20
GREEDY_PROMPTS = [1, 2, 3, 4, 26, 31, 38, 44]  # lengths; with 20 tokens more none crosses the 24 positions at which LongRoPE switches
GREEDY_MARGIN = 1e-3  # nats between the best token and the next: below, rounding decides
TTT_RATE, TTT_TEXTS, TTT_SETS = 0.001, [4, 6], ["head", "last-block", "all"]
MATTERS = 1e-2
KINDS_OF_GELU = 5e-4  # its approximations are this close to one another; five times what a comparison allows
WIDTH = {"vocab_size": VOCAB, "hidden_size": 32, "intermediate_size": 44, "num_attention_heads": 4, "max_position_embeddings": POSITIONS}
ENDS = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
# Short wavelengths and windows, strong caps, a large epsilon: what is small in a large model must show in 64 positions.
RMS = {"rms_norm_eps": 0.05}
ROPE = {"rope_theta": 100.0}


@dataclass
class Family:
    """One golden model: its configuration, what must matter, and how it is written."""

    model_type: str
    config: dict
    matters: dict = field(default_factory=dict)  # option (a path of names) -> value under which log-probabilities must differ
    dtype: torch.dtype = torch.float32
    shard: str = "1GB"
    rename: tuple = ("", "")  # prefix of tensor names -> what older files have
    buffers: dict = field(default_factory=dict)  # tensors of older files that mean nothing, by layer


def rope(kind, **more):
    return {"rope_parameters": {"rope_type": kind, **ROPE, **more}}


LLAMA3 = {"factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 32}
YARN = {"factor": 4.0, "original_max_position_embeddings": 16}
YARN_LONG = {"factor": 4.0, "original_max_position_embeddings": 2048}  # here beta_fast = 32 has an effect
YARN_ALL = {"factor": 2.0, "original_max_position_embeddings": 32, "beta_fast": 2.0, "beta_slow": 0.5, "mscale": 2.0, "mscale_all_dim": 0.5, "truncate": False}
LONG = {"short_factor": [1.0, 1.5, 2.0], "long_factor": [2.0, 4.0, 8.0], "original_max_position_embeddings": 24}
GPT2 = {"vocab_size": VOCAB, "n_positions": POSITIONS, "n_embd": 32, "n_layer": 2, "n_head": 4, "layer_norm_epsilon": 0.05, **ENDS}
NEOX = {**WIDTH, **ENDS, "num_attention_heads": 2, "layer_norm_eps": 0.05, "num_hidden_layers": 2}
LLAMA = {**WIDTH, **ENDS, **RMS, "num_hidden_layers": 2}
GEMMA = {
    **WIDTH, **ENDS, **RMS, "num_hidden_layers": 4, "num_key_value_heads": 2, "head_dim": 12, "attention_bias": True, "sliding_window": 6,
    "query_pre_attn_scalar": 20, "final_logit_softcapping": 5.0, "eos_token_id": [2, 3],
}
MASK = {"attn.bias": lambda: torch.ones(POSITIONS, POSITIONS, dtype=torch.bool).tril()[None, None]}
NEOX_BUFFERS = {
    "attention.bias": MASK["attn.bias"],
    "attention.masked_bias": lambda: torch.tensor(-1e9),
    "attention.rotary_emb.inv_freq": lambda: torch.tensor([7.0, 7.0, 7.0, 7.0]),
}
INV_FREQ = {"self_attn.rotary_emb.inv_freq": lambda: torch.tensor([7.0, 7.0, 7.0, 7.0])}

FAMILIES = {
    "gpt2": Family("gpt2", {**GPT2, "n_inner": 44, "scale_attn_by_inverse_layer_idx": True, "reorder_and_upcast_attn": True},
        {"scale_attn_by_inverse_layer_idx": False, "activation_function": "gelu", "layer_norm_epsilon": 1e-5}),
    "gpt2-older": Family("gpt2", {**GPT2, "scale_attn_weights": False, "tie_word_embeddings": True, "activation_function": "relu"},
        {"scale_attn_weights": True, "activation_function": "gelu_new"}, rename=("transformer.", ""), buffers=MASK),
    "gpt2-untied": Family("gpt2", {**GPT2, "tie_word_embeddings": False, "activation_function": "gelu"}, {"activation_function": "gelu_new"},
        dtype=torch.float16),
    "gpt-neox": Family("gpt_neox", {**NEOX, **rope("default", partial_rotary_factor=0.25)},
        {"use_parallel_residual": False, "rope_parameters.partial_rotary_factor": 0.5, "rope_parameters.rope_theta": 10000.0, "hidden_act": "relu",
         "layer_norm_eps": 1e-5}),
    "gpt-neox-sequential": Family("gpt_neox", {**NEOX, "use_parallel_residual": False, "attention_bias": False, "tie_word_embeddings": True,
        "hidden_act": "gelu_new", **rope("linear", factor=2.0, partial_rotary_factor=0.5)},
        {"use_parallel_residual": True, "rope_parameters.factor": 1.0, "hidden_act": "gelu"}, buffers=NEOX_BUFFERS),
    "llama2": Family("llama", {**LLAMA, **rope("default"), "tie_word_embeddings": False},
        {"rope_parameters.rope_theta": 10000.0, "rms_norm_eps": 1e-6, "hidden_act": "gelu"}, buffers=INV_FREQ),
    "llama3": Family("llama", {**LLAMA, **rope("llama3", **LLAMA3), "num_key_value_heads": 2, "attention_bias": True, "mlp_bias": True,
        "eos_token_id": [2, 3]},
        {f"rope_parameters.{key}": value for key, value in
         {"rope_type": "default", "factor": 1.0, "low_freq_factor": 0.2, "high_freq_factor": 8.0, "original_max_position_embeddings": 64}.items()},
        shard="40KB"),
    "llama-linear": Family("llama", {**LLAMA, **rope("linear", factor=4.0), "num_key_value_heads": 1, "head_dim": 12, "tie_word_embeddings": True,
        "hidden_act": "gelu"}, {"rope_parameters.factor": 1.0, "hidden_act": "silu"}),
    "llama-yarn": Family("llama", {**LLAMA, **rope("yarn", **YARN), "num_key_value_heads": 2},
        {"rope_parameters.rope_type": "default", "rope_parameters.attention_factor": 1.0, "rope_parameters.beta_slow": 0.2,
         "rope_parameters.original_max_position_embeddings": 64}),
    "llama-yarn-mscale": Family("llama", {**LLAMA, **rope("yarn", **YARN_ALL), "num_key_value_heads": 2, "head_dim": 12},
        {f"rope_parameters.{key}": value for key, value in
         {"beta_fast": 32.0, "beta_slow": 1.0, "mscale": None, "mscale_all_dim": None, "truncate": True}.items()}),
    "llama-yarn-factor": Family("llama", {**LLAMA, **rope("yarn", **YARN, attention_factor=1.3)}, {"rope_parameters.attention_factor": None}),
    "mistral": Family("mistral", {**LLAMA, **rope("default"), "num_key_value_heads": 2, "head_dim": 12, "sliding_window": 7},
        {"sliding_window": None, "rope_parameters.rope_theta": 10000.0}, dtype=torch.bfloat16),
    "qwen2": Family("qwen2", {**LLAMA, **rope("default"), "num_hidden_layers": 3, "num_key_value_heads": 2, "tie_word_embeddings": True,
        "use_sliding_window": True, "sliding_window": 8, "max_window_layers": 1},
        {"sliding_window": 60, "layer_types": ["sliding_attention"] * 3, "rope_parameters.rope_theta": 10000.0}),
    "qwen2-yarn": Family("qwen2", {**LLAMA, **rope("yarn", **YARN_LONG), "num_key_value_heads": 2, "sliding_window": 8, "max_position_embeddings": 8192},
        {f"rope_parameters.{key}": value for key, value in
         {"rope_type": "default", "attention_factor": 1.0, "factor": 2.0, "beta_fast": 8.0, "beta_slow": 4.0}.items()}),
    "qwen3": Family("qwen3", {**LLAMA, **rope("default"), "num_hidden_layers": 3, "num_key_value_heads": 2, "head_dim": 12, "attention_bias": True,
        "use_sliding_window": True, "sliding_window": 8, "max_window_layers": 2},
        {"layer_types": ["full_attention"] * 3, "rms_norm_eps": 1e-6}, dtype=torch.float16),
    "olmo2": Family("olmo2", {**LLAMA, **rope("default"), "num_key_value_heads": 2, "attention_bias": True, "pad_token_id": 1, "bos_token_id": None},
        {"rope_parameters.rope_theta": 10000.0, "rms_norm_eps": 1e-5}),
    "olmo2-linear": Family("olmo2", {**LLAMA, **rope("linear", factor=2.0), "tie_word_embeddings": True}, {"rope_parameters.factor": 1.0}),
    "gemma2": Family("gemma2", {**GEMMA, **rope("default"), "attn_logit_softcapping": 1.5},
        {"attn_logit_softcapping": None, "final_logit_softcapping": None, "query_pre_attn_scalar": 12, "sliding_window": 60,
         "layer_types": ["full_attention", "sliding_attention"] * 2, "hidden_activation": "silu", "rms_norm_eps": 1e-6}),
    "gemma3": Family("gemma3_text", {**GEMMA, "sliding_window_pattern": 3, "rope_parameters": {
        "full_attention": {"rope_type": "linear", "rope_theta": 1000.0, "factor": 4.0},
        "sliding_attention": {"rope_type": "default", "rope_theta": 20.0}}},
        {"rope_parameters.full_attention.factor": 1.0, "rope_parameters.full_attention.rope_theta": 20.0,
         "rope_parameters.sliding_attention.rope_theta": 1000.0, "final_logit_softcapping": None, "query_pre_attn_scalar": 12, "sliding_window": 60,
         "layer_types": ["sliding_attention", "full_attention"] * 2, "hidden_activation": "silu"}, shard="60KB", dtype=torch.bfloat16),
    "phi3": Family("phi3", {**LLAMA, **rope("default", partial_rotary_factor=0.5), "num_key_value_heads": 2, "sliding_window": 7,
        "original_max_position_embeddings": POSITIONS},
        {"sliding_window": None, "rope_parameters.partial_rotary_factor": 1.0}),
    "phi3-longrope": Family("phi3", {**LLAMA, **rope("longrope", partial_rotary_factor=0.75, **LONG), "original_max_position_embeddings": 24,
        "tie_word_embeddings": True},
        {"rope_parameters.rope_type": "default", "rope_parameters.short_factor": [1.0] * 3, "rope_parameters.long_factor": [1.0] * 3,
         "max_position_embeddings": 24, "rope_parameters.original_max_position_embeddings": 1000}),
}


def random_model(family, generator):
    """Every parameter drawn: weights 0.25 wide (the head's 0.5), gains about their neutral value, biases about 0."""
    config = AutoConfig.for_model(family.model_type, **copy.deepcopy(family.config))
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            wide = 0.5 if name in ("lm_head.weight", "embed_out.weight") else 0.25
            p.copy_(neutral(family, name, p) + wide * torch.randn(p.shape, generator=generator))
    return model


def neutral(family, name, p):
    """The value at which a parameter does nothing; Gemma stores gains less 1."""
    return 1.0 if p.ndim == 1 and name.endswith("weight") and not family.model_type.startswith("gemma") else 0.0


def load(folder, config=None):
    """A checkpoint for the reference: float32, eager attention. Fails if a weight is missing, left over or of another shape."""
    model, info = AutoModelForCausalLM.from_pretrained(
        folder, config=config, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    wrong = {name: keys for name, keys in info.items() if keys}
    if wrong:
        raise SystemExit(f"{folder} does not load cleanly: {wrong}")
    return model.eval()


def texts(generator):
    """50 prompts and responses: the shortest, the longest that 64 positions hold, each length between, and shared prompts."""
    draw = lambda n: torch.randint(VOCAB, (n,), generator=generator).tolist()
    lengths = [(1, 1), (53, 12), (1, 64), (64, 1), (7, 9)] + [(1 + 11 * i % 37, 1 + 7 * i % 24) for i in range(29)]
    pairs = [(draw(x), draw(y)) for x, y in lengths]
    for shared, responses in [(9, [3, 17, 1, 17, 30]), (26, [5, 5, 23, 1]), (40, [2, 20, 11, 7]), (1, [8, 1, 25])]:
        prompt = draw(shared)
        pairs += [(prompt, draw(y)) for y in responses]
    assert len(pairs) == 50 and all(len(x) + len(y) - 1 <= POSITIONS for x, y in pairs)
    return pairs


@torch.no_grad()
def token_log_probs(model, prompt, response):
    """log q(y_h | x, y_<h) for every response token, nats. The model reads prompt + response less the last token."""
    return differentiable(model, prompt, response)


def differentiable(model, prompt, response):
    logits = model(torch.tensor([prompt + response[:-1]]), use_cache=False).logits[0, len(prompt) - 1 :]
    return torch.log_softmax(logits.double(), dim=-1)[torch.arange(len(response)), torch.tensor(response)]


@torch.no_grad()
def greedy(model, prompt):
    """20 tokens by `generate`, end tokens ignored, or None where the best and the next are too close to call at any of them."""
    ids = torch.tensor([prompt])
    model.generation_config.eos_token_id = None
    out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=GREEDY_TOKENS, do_sample=False, pad_token_id=0)[0].tolist()
    tokens = out[len(prompt) :]
    for i, token in enumerate(tokens):  # once more without a cache
        best = torch.log_softmax(model(torch.tensor([out[: len(prompt) + i]]), use_cache=False).logits[0, -1], dim=-1).topk(2)
        if best.values[0] - best.values[1] < GREEDY_MARGIN:
            return None
        assert token == best.indices[0], "generate and the plain forward pass differ"
    assert len(tokens) == GREEDY_TOKENS
    return tokens


def greedy_set(model, generator):
    """Prompts of the lengths wanted, drawn until every choice is clear."""
    prompts, responses = [], []
    for n in GREEDY_PROMPTS:
        for _ in range(100):
            prompt = torch.randint(VOCAB, (n,), generator=generator).tolist()
            if (tokens := greedy(model, prompt)) is not None:
                break
        else:
            raise SystemExit("no prompt whose greedy continuation is clear")
        prompts.append(prompt)
        responses.append(tokens)
    return prompts, responses


def write(family, folder, seed):
    """Writes the checkpoint and expected.json; returns the reference model and its texts."""
    generator = torch.Generator().manual_seed(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    random_model(family, generator).to(family.dtype).save_pretrained(folder, max_shard_size=family.shard)
    (folder / "generation_config.json").unlink(missing_ok=True)
    if family.buffers or family.rename[0]:
        rewrite_weights(family, folder / "model.safetensors")
    for file in folder.iterdir():
        file.chmod(0o644)
    write_json(folder / "config-older.json", older(json.loads((folder / "config.json").read_text())))
    model, pairs = load(folder), texts(generator)
    prompts, responses = greedy_set(model, generator)
    write_json(folder / "expected.json", {
        "prompts": [x for x, _ in pairs],
        "responses": [y for _, y in pairs],
        "token_logprobs": [[round7(v) for v in token_log_probs(model, x, y).tolist()] for x, y in pairs],
        "greedy_prompts": prompts,
        "greedy_responses": responses,
        **gradients(model, pairs, stored_names(folder)),
        "ttt_texts": TTT_TEXTS,
        "ttt_lr": TTT_RATE,
        **{f"ttt_{which}": [[round7(v) for v in ttt_log_probs(model, *pairs[i], which)] for i in TTT_TEXTS] for which in TTT_SETS},
    })
    return model, pairs


def round7(value):
    return float(f"{value:.7g}")


def stored_names(folder):
    """The names of a checkpoint's tensors, from those of the model's parameters."""
    stored = {name for file in folder.glob("*.safetensors") for name in load_file(file)}
    other = lambda name: "embed_out.weight" if name == "lm_head.weight" else name.removeprefix("transformer.")
    return lambda name: name if name in stored else other(name)


def gradients(model, pairs, stored):
    """The mean over all response tokens of -log q, and of its gradient by each tensor the length and the product with cos 0, cos 1, cos 2, .. (float64)."""
    model = double(model)
    model.zero_grad()
    tokens = sum(len(y) for _, y in pairs)
    loss = sum(-differentiable(model, x, y).sum() / tokens for x, y in pairs)
    loss.backward()
    wave = lambda g: torch.arange(g.numel(), dtype=torch.float64).cos()
    summary = {stored(name): [round7(p.grad.norm().item()), round7((p.grad.flatten() * wave(p.grad)).sum().item())] for name, p in model.named_parameters()}
    return {"loss": round7(loss.item()), "gradients": summary}


def ttt_log_probs(model, prompt, response, which):
    """Under the model that takes a step on every response token before the next, as an explicit loop (float64).

    `head`: the output matrix alone, untied; `last-block`; `all`: everything, a tied table as one.
    """
    model = double(model)
    head = model.get_output_embeddings().weight.detach().clone().requires_grad_()
    parameters = {"head": [head], "last-block": list(last_block(model).parameters()), "all": list(model.parameters())}[which]
    values = []
    for h, token in enumerate(response):
        hidden = model.base_model(torch.tensor([prompt + response[:h]]), use_cache=False).last_hidden_state[0, -1]
        logits = (head if which == "head" else model.get_output_embeddings().weight) @ hidden
        if cap := getattr(model.config, "final_logit_softcapping", None):
            logits = cap * torch.tanh(logits / cap)
        value = torch.log_softmax(logits, dim=-1)[token]
        values.append(value.item())
        moves = torch.autograd.grad(value, parameters)
        with torch.no_grad():
            for parameter, move in zip(parameters, moves, strict=True):
                parameter += TTT_RATE * move
    return values


def last_block(model):
    return (model.base_model.h if hasattr(model.base_model, "h") else model.base_model.layers)[-1]


def rewrite_weights(family, path):
    """As older files have them: without the model's prefix, and with buffers that say nothing."""
    tensors = load_file(path)
    before, after = family.rename
    tensors = {after + name.removeprefix(before) if name.startswith(before) else name: t for name, t in tensors.items()}
    layers = sorted({name[: name.index(f"{i}.") + 2] for i in range(2) for name in tensors if f".{i}." in name or name.startswith(f"h.{i}.")})
    tensors |= {layer + name: make() for layer in layers for name, make in family.buffers.items()}
    save_file(tensors, path, metadata={"format": "pt"})


def older(config):
    """config.json as transformers before version 5 wrote it, and as most published checkpoints have it."""
    new, config = config, copy.deepcopy(config)
    config["torch_dtype"] = config.pop("dtype")
    config["transformers_version"] = "4.44.0"
    nested = config.pop("rope_parameters", None) or {}
    if new["model_type"] == "gemma3_text":
        config |= {"rope_theta": nested["full_attention"].pop("rope_theta"), "rope_local_base_freq": nested["sliding_attention"]["rope_theta"]}
        config["rope_scaling"] = nested["full_attention"]
        config.pop("_sliding_window_pattern")
    elif nested:
        theta, partial, kind = nested.pop("rope_theta"), nested.pop("partial_rotary_factor", None), nested.pop("rope_type")
        neox = new["model_type"] == "gpt_neox"
        config["rotary_emb_base" if neox else "rope_theta"] = theta
        if partial is not None:
            config["rotary_pct" if neox else "partial_rotary_factor"] = partial
        if new["model_type"] == "phi3":
            nested.pop("original_max_position_embeddings", None)
        key = "rope_type" if kind == "llama3" else "type"
        config["rope_scaling"] = None if kind == "default" else {key: kind, **nested}
    config.pop("layer_types", None)
    if new["model_type"].startswith("gemma"):
        config |= {"hidden_act": config["hidden_activation"], "cache_implementation": "hybrid"}
    if new["model_type"] == "llama":
        config["pretraining_tp"] = 1
    return dict(sorted(config.items()))


def check(name, family, folder, model, pairs):
    """Prints and asserts that everything matters, that the older config.json says the same, and how exact float32 is."""
    pairs = sorted(pairs, key=lambda pair: -len(pair[0]) - len(pair[1]))[:12] + pairs[:8]
    base = all_log_probs(model, pairs)
    assert distance(base, all_log_probs(load(folder, AutoConfig.from_pretrained(folder / "config-older.json")), pairs)) == 0.0, "config-older.json"
    moved = {option: distance(base, all_log_probs(changed(model, option, value), pairs)) for option, value in family.matters.items()}
    for tensor, p in model.named_parameters():
        kept = p.detach().clone()
        with torch.no_grad():
            p.fill_(neutral(family, tensor, p))
            moved[tensor] = distance(base, all_log_probs(model, pairs))
            p.copy_(kept)
    few = {what: f"{by:.4f}" for what, by in moved.items() if by <= (KINDS_OF_GELU if what in ("hidden_act", "activation_function", "hidden_activation") else MATTERS)}
    if few:
        raise SystemExit(f"{name}: does not matter: {few}")
    exact = distance(base, all_log_probs(double(model), pairs))
    least = min(moved, key=moved.get)
    spread = torch.cat(base).std().item()
    print(f"{name}: {len(moved)} options and tensors matter, the least {least} by {moved[least]:.3f} nats; "
          f"log-probabilities spread by {spread:.2f} about {torch.cat(base).mean():.2f} (uniform {-math.log(VOCAB):.2f}); "
          f"float64 differs by {exact:.1e}", flush=True)
    for option in family.matters:
        print(f"    {option}: {moved[option]:.3f}")
    assert exact < 5e-5 and spread > 1.0


def all_log_probs(model, pairs):
    return [token_log_probs(model, x, y) for x, y in pairs]


def double(model):
    """The same in float64, with every row of the embedding learning: PyTorch's `padding_idx` withholds the gradient of the padding token's.

    transformers' `reorder_and_upcast_attn` (to float32, which changes nothing in float32) refuses float64 and goes.
    """
    model = copy.deepcopy(model).double()
    model.get_input_embeddings().padding_idx = None
    for module in model.modules():
        if hasattr(module, "reorder_and_upcast_attn"):
            module.reorder_and_upcast_attn = False
    return model


def distance(a, b):
    """The largest difference."""
    return (torch.cat(a) - torch.cat(b)).abs().max().item()


def changed(model, option, value):
    """The same weights under another value of one option."""
    config = copy.deepcopy(model.config)
    *path, last = option.split(".")
    if path:
        place = getattr(config, path[0])
        for key in path[1:]:
            place = place[key]
        place[last] = value
    else:
        setattr(config, last, value)
    if option.endswith("original_max_position_embeddings") and hasattr(config, last):
        setattr(config, last, value)
    other = AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
    other.load_state_dict(model.state_dict())
    return other


def write_json(path, value):
    """One line per entry, so that differences stay readable."""
    entries = lambda v: ",\n".join(f"{json.dumps(k)}: {line(x)}" for k, x in v.items()) if isinstance(v, dict) else ",\n".join(map(json.dumps, v))

    def line(v):
        if isinstance(v, dict):
            return "{\n" + entries(v) + "\n}"
        return "[\n" + entries(v) + "\n]" if isinstance(v, list) and v and isinstance(v[0], list) else json.dumps(v)

    Path(path).write_text(line(value) + "\n")


def write_all(folder, seed=0):
    """Every family into a folder of its own, checked."""
    print(f"transformers {transformers.__version__}, torch {torch.__version__}")
    for i, (name, family) in enumerate(FAMILIES.items()):
        model, pairs = write(family, Path(folder) / name, 1000 * seed + i)
        check(name, family, Path(folder) / name, model, pairs)
