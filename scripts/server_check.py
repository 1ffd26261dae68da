"""Scores and samples of a server against transformers; `scripts/server-check` calls this."""

import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import polars
import torch
from transformers import AutoModelForCausalLM

SEQUENCES = 50
SAMPLES = 8


def breadth(program, *arguments):
    return subprocess.run([program, *map(str, arguments), "-q"], check=True, text=True, stdout=subprocess.PIPE).stdout


def random_sequences(vocab, longest):
    """Prompts and responses of unequal lengths, tokens uniform."""
    draw = random.Random(0)
    ids = lambda n: [draw.randrange(vocab) for _ in range(n)]
    half = min(longest, 256) // 2 - 2
    return [(ids(draw.randint(1, half)), ids(draw.randint(1, half))) for _ in range(SEQUENCES)]


def laws(model, prompt, response):
    """log q of every token in each response token's place: float32 forward, float64 log-softmax."""
    with torch.no_grad():
        logits = model(torch.tensor([prompt + response[:-1]])).logits[0, len(prompt) - 1 :]
    return logits.double().log_softmax(-1)


def reference(model, pairs):
    """log q of every response token."""
    return [laws(model, p, r)[range(len(r)), r].tolist() for p, r in pairs]


def worst_rank_gap(model, pairs, most):
    """By how many nats a token at most falls short of the `most` likeliest in its place."""
    gap = lambda law, token: max(0.0, (law.topk(most).values[-1] - law[token]).item())
    return max(gap(law, token) for p, r in pairs for law, token in zip(laws(model, p, r), r, strict=True))


def furthest(lists, others):
    return max(abs(a - b) for one, other in zip(lists, others, strict=True) for a, b in zip(one, other, strict=True))


def write(path, pairs):
    lines = [{"prompt": p, "response": r, "prompt_id": i} for i, (p, r) in enumerate(pairs)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def main(program, url, checkpoint, tolerance):
    model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32).eval()
    config = model.config
    pairs = random_sequences(config.vocab_size, getattr(config, "max_position_embeddings", 256))
    print(breadth(program, "probe", url))
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        write(folder / "data.jsonl", pairs)
        breadth(program, "score", url, "--data", folder / "data.jsonl", "--token-logprobs", "-o", folder / "server.parquet")
        scored = polars.read_parquet(folder / "server.parquet")["token_logprobs"].to_list()
        found["server scores, transformers"] = furthest(scored, reference(model, pairs))
        try:
            breadth(program, "score", checkpoint, "--data", folder / "data.jsonl", "--token-logprobs", "-o", folder / "own.parquet")
            own = polars.read_parquet(folder / "own.parquet")["token_logprobs"].to_list()
            found["server scores, breadth's own decoder"] = furthest(scored, own)
        except subprocess.CalledProcessError:
            print("breadth's own decoder is not compared with")

        def sample(*flags):
            drawing = ["--prompts", folder / "data.jsonl", "-k", SAMPLES, "--max-tokens", 20, "--verifier", "valid-path", *flags]
            breadth(program, "sample", url, *drawing, "--text", "-o", folder / "samples.parquet")
            samples = polars.read_parquet(folder / "samples.parquet")
            # Without a tokenizer the text is the token ids.
            drawn = [[int(word) for word in text.split()] for text in samples["text"]]
            again = [(pairs[int(i)][0], tokens) for i, tokens in zip(samples["prompt_id"], drawn)]
            sums = [[value] for value in samples["logprob"]]
            return again, sums, furthest(sums, [[sum(r)] for r in reference(model, again)])

        for name, flags, most in [("greedy", ["--temperature", 0], 1), ("temperature 0.7, top-k 4", ["--temperature", 0.7, "--top-k", 4], 4)]:
            again, _, found[f"log-probabilities at {name}, transformers"] = sample(*flags)
            found[f"drawn at {name}, short of the {most} likeliest of transformers"] = worst_rank_gap(model, again, most)
        again, sums, found["sampled log-probabilities, transformers"] = sample()
        write(folder / "again.jsonl", again)
        breadth(program, "score", url, "--data", folder / "again.jsonl", "-o", folder / "again.parquet")
        rescored = polars.read_parquet(folder / "again.parquet")["logprob"]
        found["sampled log-probabilities, scored by the server"] = furthest(sums, [[value] for value in rescored])
    tokens = sum(len(response) for _, response in again)
    print(f"{SEQUENCES} sequences of {sum(len(r) for _, r in pairs)} response tokens; {len(again)} samples of {tokens} tokens")
    for what, difference in found.items():
        print(f"{difference:.1e} nats at most: {what}")
    sys.exit(any(difference > tolerance for difference in found.values()))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]))
