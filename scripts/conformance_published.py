"""Published configurations on tiny weights: breadth's log-probabilities against those of transformers.

`scripts/conformance published` calls this. Every configuration of tests/cases/field/configs.jsonl that breadth reads is kept as it was published, but for its
sizes (width, layers, heads in their ratio, vocabulary, window) and the tokens that a smaller vocabulary lacks; transformers makes a model of it with random
weights, and both score the same token ids.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import polars
import torch
import transformers
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

import families

CASES = Path("tests/cases/field/configs.jsonl")
TOLERANCE = 1e-4  # nats, each token
VOCAB, HEADS, HEAD, WINDOW = 61, 4, 16, 8


def shrunk(config):
    """The configuration with small sizes; everything else as it stands."""
    small = json.loads(json.dumps(config))
    inner = small["text_config"] if "text_config" in small else small
    gemma3 = inner.get("model_type", "").startswith("gemma3")
    layers = 7 if gemma3 else 3
    heads = inner.get("num_attention_heads") or inner.get("n_head") or 8
    groups = max(1, heads // inner["num_key_value_heads"]) if inner.get("num_key_value_heads") else 1
    width = HEADS * HEAD
    head = 24 if inner.get("head_dim") not in (None, (inner.get("hidden_size") or 0) // heads) else HEAD
    sizes = {
        "hidden_size": width, "n_embd": width, "intermediate_size": 3 * width, "num_hidden_layers": layers, "n_layer": layers,
        "num_attention_heads": HEADS, "n_head": HEADS, "vocab_size": VOCAB, "head_dim": head,
        "num_key_value_heads": max(1, HEADS // min(groups, HEADS)),
    }  # fmt: skip
    for name, value in sizes.items():
        if inner.get(name) is not None:
            inner[name] = value
    if inner.get("n_inner") is not None:
        inner["n_inner"] = 3 * width
    if inner.get("sliding_window") is not None:
        inner["sliding_window"] = WINDOW
    if inner.get("max_window_layers") is not None:
        inner["max_window_layers"] = min(inner["max_window_layers"], layers)
    if inner.get("layer_types") is not None:
        inner["layer_types"] = inner["layer_types"][:layers]
    rotated = int(head * inner.get("partial_rotary_factor", 1.0)) // 2
    for scaling in (inner.get("rope_scaling"), inner.get("rope_parameters")):
        for name in ("short_factor", "long_factor"):
            if scaling and name in scaling:
                scaling[name] = scaling[name][:rotated]
    for place in (small, inner):
        for name in [name for name in place if name.endswith(("token_id", "token_index"))]:
            place[name] = in_vocabulary(place[name])
    return small, inner


def in_vocabulary(token):
    if isinstance(token, list):
        return sorted({in_vocabulary(one) for one in token})
    return token if token is None or token < VOCAB else token % VOCAB


def model_of(folder, inner, small, generator):
    """transformers' model of the configuration in the folder, its weights written beside it."""
    config = AutoConfig.from_pretrained(folder)
    config = getattr(config, "text_config", config)
    config.torch_dtype = config.dtype = torch.float32
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            spread = 0.3 if p.dim() == 1 else 1.0 if "embed" in name or "wte" in name else 1.5 * p.shape[-1] ** -0.5
            middle = 1.0 if p.dim() == 1 and name.endswith("weight") else 0.0
            p.copy_(middle + spread * torch.randn(p.shape, generator=generator))
    tied = {name for name in model.state_dict() if name == "lm_head.weight" or name == "embed_out.weight"} if config.tie_word_embeddings else set()
    prefix = "language_model." if small is not inner else ""
    tensors = {prefix + name: t.contiguous().clone() for name, t in model.state_dict().items() if name not in tied}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return model


def main(breadth):
    print(f"transformers {transformers.__version__}, torch {torch.__version__}")
    generator = torch.Generator().manual_seed(1)
    draw = lambda n: torch.randint(3, VOCAB, (n,), generator=generator).tolist()
    pairs = [(draw(1 + 5 * i), draw(1 + 2 * i)) for i in range(8)]
    failed = compared = 0
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        data = scratch / "data.jsonl"
        data.write_text("".join(json.dumps({"prompt_id": i, "prompt": x, "response": y}) + "\n" for i, (x, y) in enumerate(pairs)))
        for line in CASES.read_text().splitlines():
            case = json.loads(line)
            if case.get("refused"):
                continue
            folder, table = scratch / case["name"].replace("/", "_"), scratch / "scores.parquet"
            folder.mkdir()
            small, inner = shrunk(case["config"])
            (folder / "config.json").write_text(json.dumps(small))
            try:
                model = model_of(folder, inner, small, generator)
            except KeyError as error:
                print(f"none  {case['name']}: transformers refuses it: {error}", flush=True)
                continue
            table.unlink(missing_ok=True)
            command = [breadth, "score", folder, "--data", data, "--token-logprobs", "-o", table, "--quiet"]
            told = subprocess.run([*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if told.returncode != 0:
                print(f"FAIL  {case['name']}: {told.stdout.strip()[:300]}", flush=True)
                failed += 1
                continue
            rows = {int(row["prompt_id"]): row["token_logprobs"] for row in polars.read_parquet(table).iter_rows(named=True)}
            with torch.no_grad():
                expected = [families.token_log_probs(model, x, y).tolist() for x, y in pairs]
            found = [(a, b) for i, row in enumerate(expected) for a, b in zip(rows[i], row, strict=True)]
            worst = max(abs(a - b) if a == a and b == b else float("inf") for a, b in found)
            good = worst <= TOLERANCE
            failed += not good
            compared += 1
            print(f"{'ok  ' if good else 'FAIL'}  {case['name']} ({inner['model_type']}), {len(found)} tokens: {worst:.1e}", flush=True)
    print(f"{compared} published configurations scored by both, {failed} failed")
    sys.exit(failed > 0 or compared < 60)


if __name__ == "__main__":
    main(sys.argv[1])
