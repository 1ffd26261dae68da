"""Log-probabilities of transformers and PEFT for checkpoints that are read in an unusual way.

    python tests/golden/loading/make.py

Writes `expected.json`, the adapters `lm-head/` and `tied/`, and prints the versions. A case is a model of ../families under changed fields of its config.json
(`config`; null stands for a field that is absent), under other names of its tensors (`rename`), or with an adapter (`adapter`). `refused` is what breadth
says instead of a score: transformers `fails` too, or its releases differ, or it drops what the file says.
"""

import json
import shutil
import tempfile
from pathlib import Path

import peft
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

HERE = Path(__file__).parent
FAMILIES = HERE.parent / "families"
PROMPT, RESPONSE = [7, 3, 5, 41, 18, 22, 9, 33], [9, 2, 40, 11, 12, 13, 58, 6, 27, 50, 1, 30]

LINEAR = {"rope_type": "linear", "factor": 2.0}
NEOX = {"rope_parameters": None, "rotary_emb_base": 100.0, "rotary_pct": 0.25}
GEMMA3 = {"full_attention": {"rope_type": "default", "rope_theta": 1000.0}, "sliding_attention": {"rope_type": "default", "rope_theta": 20.0}}
REMARKS = {"author": "A. Nobody", "created_date": "2021-04-28", "license": "CC-BY-NC-SA 4.0", "num_steps": "global_step320000", "badwordsids": [[0]]}
MEGATRON = {"apply_query_key_layer_scaling": True, "normalize_attention_scores": True}

CASES = [
    # Whole heads turn, whatever partial_rotary_factor says.
    *[{"model": model, "config": {"partial_rotary_factor": 0.5}} for model in ("llama2", "mistral", "qwen2", "qwen3", "olmo2", "gemma2")],
    {"model": "gemma3", "config": {"partial_rotary_factor": 0.5, "rope_parameters": GEMMA3}},
    {"model": "llama2", "config": {"rope_parameters": {"rope_type": "default", "rope_theta": 100.0, "partial_rotary_factor": 0.5}}},
    {"model": "llama-linear", "config": {"partial_rotary_factor": 0.5}, "refused": "beside scaled rotary positions"},
    {"model": "gemma3", "config": {"partial_rotary_factor": 0.5}, "refused": "beside scaled rotary positions"},
    # The names of GPT-NeoX count, and no others.
    {"model": "gpt-neox", "config": {**NEOX, "rope_theta": 10000.0}},
    {"model": "gpt-neox", "config": {**NEOX, "partial_rotary_factor": 0.5}},
    {"model": "gpt-neox", "config": {"rope_parameters": None, "rope_theta": 100.0, "partial_rotary_factor": 0.5}},
    {"model": "gpt-neox", "config": {"rotary_pct": 0.5}, "refused": "rotary_pct = 0.5, and partial_rotary_factor = 0.25"},
    # Both objects.
    {"model": "llama2", "config": {"rope_scaling": {"type": "linear", "factor": 2.0}, "rope_parameters": {**LINEAR, "rope_theta": 100.0}, "rope_theta": 100.0}},
    {"model": "llama2", "config": {"rope_scaling": {**LINEAR, "rope_theta": 100.0}}, "refused": "both rope_scaling and rope_parameters"},
    {"model": "llama2", "config": {"rope_scaling": {}}},
    {"model": "llama2", "config": {"rope_scaling": {"type": "linear", "factor": 2.0}, "rope_parameters": {**LINEAR, "rope_theta": 100.0}}, "refused": "both rope_scaling and rope_parameters"},
    {"model": "phi3", "config": {"rope_scaling": {"type": "default"}}, "refused": "both rope_scaling and rope_parameters"},
    {"model": "gpt-neox", "config": {"rope_scaling": LINEAR}, "refused": "both rope_scaling and rope_parameters"},
    {"model": "gemma3", "config": {"rope_scaling": {"rope_type": "linear", "factor": 4.0}}},
    {"model": "gemma3", "config": {"rope_scaling": {"rope_type": "linear", "factor": 2.0}}, "refused": "both rope_scaling and rope_parameters"},
    {"model": "gemma3", "config": {"rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 1000.0}}, "refused": "beside full_attention and sliding_attention"},
    # An original length where nothing is scaled by it.
    {"model": "llama2", "config": {"original_max_position_embeddings": 16}},
    {"model": "mistral", "config": {"original_max_position_embeddings": 16}},
    {"model": "llama-linear", "config": {"original_max_position_embeddings": 16}},
    {"model": "llama-yarn", "config": {"original_max_position_embeddings": 32}, "refused": "has the field original_max_position_embeddings"},
    # Fields that nothing reads.
    *[{"model": model, "config": {**REMARKS, **MEGATRON}} for model in ("gpt2", "gpt-neox", "llama2", "mistral", "qwen2", "qwen3", "olmo2", "gemma2", "gemma3", "phi3")],
    # A tied model whose file has the head's name alone.
    {"model": "llama-linear", "rename": {"model.embed_tokens.weight": "lm_head.weight"}},
    {"model": "qwen2", "rename": {"model.embed_tokens.weight": "lm_head.weight"}},
    {"model": "gemma2", "rename": {"model.embed_tokens.weight": "lm_head.weight"}},
    {"model": "gpt2", "rename": {"transformer.wte.weight": "lm_head.weight"}},
    {"model": "gpt-neox-sequential", "rename": {"gpt_neox.embed_in.weight": "lm_head.weight"}},
    {"model": "gpt-neox-sequential", "rename": {"gpt_neox.embed_in.weight": "embed_out.weight"}},
    # Adapters beside which PEFT saved weights of the base.
    {"model": "mistral", "adapter": "lm-head"},
    {"model": "llama-linear", "adapter": "tied"},
]


@torch.no_grad()
def log_probs(model):
    logits = model(torch.tensor([PROMPT + RESPONSE[:-1]]), use_cache=False).logits[0, len(PROMPT) - 1 :]
    values = torch.log_softmax(logits.double(), dim=-1)[torch.arange(len(RESPONSE)), torch.tensor(RESPONSE)]
    return [float(f"{v:.7g}") for v in values.tolist()]


def load(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


def changed(case, scratch):
    folder = scratch / "model"
    shutil.copytree(FAMILIES / case["model"], folder)
    config = json.loads((folder / "config.json").read_text()) | case.get("config", {})
    config = {name: value for name, value in config.items() if value is not None}
    (folder / "config.json").write_text(json.dumps(config))
    if "rename" in case:
        tensors = load_file(folder / "model.safetensors")
        for old, new in case["rename"].items():
            tensors[new] = tensors.pop(old)
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def adapted(case):
    """Trains nothing: both factors are drawn."""
    torch.manual_seed(5)
    modules = ["q_proj", "v_proj"] + (["lm_head"] if case["adapter"] == "lm-head" else [])
    config = peft.LoraConfig(r=3, lora_alpha=6, target_modules=modules, init_lora_weights=False, task_type="CAUSAL_LM")
    model = peft.get_peft_model(load(FAMILIES / case["model"]), config).eval()
    folder = HERE / case["adapter"]
    model.save_pretrained(folder, save_embedding_layers=True if case["adapter"] == "tied" else "auto")
    (folder / "README.md").unlink(missing_ok=True)
    said = json.loads((folder / "adapter_config.json").read_text()) | {"base_model_name_or_path": "some/base"}
    said["target_modules"] = sorted(said["target_modules"])
    (folder / "adapter_config.json").write_text(json.dumps(said, indent=1) + "\n")
    for file in folder.iterdir():
        file.chmod(0o644)
    return log_probs(peft.PeftModel.from_pretrained(load(FAMILIES / case["model"]), folder).eval())


def expected(case):
    if "adapter" in case:
        return {**case, "token_logprobs": adapted(case)}
    with tempfile.TemporaryDirectory() as scratch:
        folder = changed(case, Path(scratch))
        try:
            return {**case, "token_logprobs": log_probs(load(folder))}
        except Exception as error:  # what transformers cannot run is a case too
            return {**case, "fails": type(error).__name__}


def main():
    transformers.utils.logging.set_verbosity_error()
    print(f"transformers {transformers.__version__}, PEFT {peft.__version__}, torch {torch.__version__}")
    lines = ",\n".join(json.dumps(expected(case)) for case in CASES)
    (HERE / "expected.json").write_text(f'{{"prompt": {PROMPT}, "response": {RESPONSE}, "cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
