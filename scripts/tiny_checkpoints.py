"""Trains a tiny Llama to split numbers and keeps three checkpoints as a Hugging Face Trainer would; `scripts/tiny-checkpoints` calls this."""

import json
import random
import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from transformers.utils import logging

logging.set_verbosity_error()
logging.disable_progress_bar()

STEPS = [100, 400, 1600]
SUMS = range(20, 80)
TRAINED, HELD_OUT, BATCH = 6, 5, 32  # answers to each question that training sees, and that it does not
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}Q: {{ message['content'] }}\n"
    "{% elif message['role'] == 'assistant' %}A: {{ message['content'] }}{{ eos_token }}{% else %}"
    "{{ raise_exception('roles are user and assistant') }}{% endif %}{% endfor %}{% if add_generation_prompt %}A:{% endif %}"
)
GRADER = '''"""The reward of an answer to "Which two numbers add up to N?": a line of JSON in, a line out."""

import json
import re
import sys

for line in sys.stdin:
    asked = json.loads(line)
    total = int(re.search(r"add up to (\\d+)", asked["prompt"])[1])
    numbers = re.fullmatch(r"(\\d+) and (\\d+)\\.", asked["response"].strip())
    right = numbers is not None and int(numbers[1]) + int(numbers[2]) == total
    print(json.dumps({"reward": float(right)}), flush=True)
'''


def answers(count, seed):
    """(question, answer) pairs: `count` of the many right answers to each question, all equally likely."""
    draw = random.Random(seed)
    split = lambda total, part: (f"Which two numbers add up to {total}?", f"{part} and {total - part}.")
    return [split(total, draw.randint(0, total)) for total in SUMS for _ in range(count)]


def tokenizer_of(texts):
    """A byte-level BPE as Llama 3 has it: digits one by one, <s> in front."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=320, special_tokens=["<s>", "</s>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    bpe.train_from_iterator(texts, trainer)
    bpe.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", 0)])
    return PreTrainedTokenizerFast(tokenizer_object=bpe, bos_token="<s>", eos_token="</s>", chat_template=TEMPLATE)


def train(folder, tokenizer, examples, held_out):
    """AdamW on the answers' tokens; writes checkpoint-STEP folders with a trainer_state.json each."""
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=160, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=128, tie_word_embeddings=True, bos_token_id=0, eos_token_id=1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    history = []
    for step in range(1, STEPS[-1] + 1):
        loss = loss_of(model, tokenizer, random.Random(step).sample(examples, BATCH))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step in STEPS:
            with torch.no_grad():
                value = loss_of(model, tokenizer, held_out).item()
            history.append({"epoch": step * BATCH / len(examples), "eval_loss": value, "step": step})
            print(f"step {step}: held-out loss {value:.3f} nats a token", flush=True)
            save(folder / f"checkpoint-{step}", model, tokenizer, history)


def loss_of(model, tokenizer, pairs):
    """Mean over the answers' tokens, </s> among them."""
    ids = [(tokenizer(f"Q: {q}\nA:")["input_ids"], tokenizer(f" {a}</s>", add_special_tokens=False)["input_ids"]) for q, a in pairs]
    longest = max(len(x) + len(y) for x, y in ids)
    tokens = torch.tensor([x + y + [1] * (longest - len(x) - len(y)) for x, y in ids])
    labels = torch.tensor([[-100] * len(x) + y + [-100] * (longest - len(x) - len(y)) for x, y in ids])
    return model(tokens, labels=labels).loss


def save(folder, model, tokenizer, history):
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    best = min(history, key=lambda entry: entry["eval_loss"])
    state = {
        "best_metric": best["eval_loss"], "best_model_checkpoint": f"finetune/checkpoint-{best['step']}", "global_step": history[-1]["step"],
        "epoch": history[-1]["epoch"], "log_history": history, "max_steps": STEPS[-1], "is_world_process_zero": True, "train_batch_size": BATCH,
    }
    (folder / "trainer_state.json").write_text(json.dumps(state, indent=2) + "\n")


def write_lines(path, lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def main():
    folder = Path(sys.argv[1])
    examples, held_out = answers(TRAINED, seed=1), answers(HELD_OUT, seed=2)
    number = lambda i: {"prompt_id": i // HELD_OUT, "response_id": i % HELD_OUT}
    tokenizer = tokenizer_of(f"Q: {q}\nA: {a}" for q, a in examples)
    train(folder / "finetune", tokenizer, examples, held_out)
    write_lines(folder / "heldout.jsonl",
        [{**number(i), "prompt": f"Q: {q}\nA:", "response": f" {a}"} for i, (q, a) in enumerate(held_out)])
    write_lines(folder / "prompts.jsonl", [{"prompt_id": i, "prompt": f"Q: {q}\nA:"} for i, (q, _) in enumerate(held_out[::HELD_OUT])])
    write_lines(folder / "heldout-chat.jsonl",
        [{**number(i), "messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}]} for i, (q, a) in enumerate(held_out)])
    (folder / "grade.py").write_text(GRADER)
    print(f"wrote {folder}/finetune and, beside it, heldout.jsonl, the same as messages in heldout-chat.jsonl, prompts.jsonl and grade.py")


if __name__ == "__main__":
    main()
