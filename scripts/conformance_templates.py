"""Chat templates through breadth and through transformers' `apply_chat_template`; `scripts/conformance templates` calls this.

    conformance_templates.py PROGRAM [FOLDER ..]   compare: the constructs of template_constructs.py, drawn expressions, and every template below the folders
    conformance_templates.py golden                write tests/golden/templates/constructs.json again

PROGRAM is the example `chat_template` of breadth-lm. It needs transformers, but not torch.
"""

import datetime
import itertools
import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from unittest import mock

import template_constructs as constructs
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

GOLDEN = Path("tests/golden/templates/constructs.json")
TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
DRAWN = 3000  # expressions


class Now(datetime.datetime):
    """The day that breadth tells templates."""

    @classmethod
    def now(cls, tz=None):
        return cls(2024, 7, 26)


def reference(template, messages, add_generation_prompt):
    """What transformers makes of a conversation, or that it raises."""
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel({"<unk>": 0}, "<unk>")), chat_template=template, **TOKENS)
    try:
        with mock.patch("transformers.utils.chat_template_utils.datetime", Now):
            text = tokenizer.apply_chat_template(messages, add_generation_prompt=add_generation_prompt, tokenize=False)
        text.encode()
        return {"text": text}
    except Exception as error:  # whatever a template does
        return {"raises": f"{type(error).__name__}: {error}"}


def ours(program, cases):
    lines = [
        json.dumps({"template": t, "tokens": TOKENS, "messages": json.dumps(m, ensure_ascii=False), "add_generation_prompt": g})
        for t, m, g in cases
    ]
    done = subprocess.run([program], input="\n".join(lines), check=True, stdout=subprocess.PIPE, text=True).stdout
    return [json.loads(line) for line in done.split("\n") if line]  # other line ends stand inside of texts


def verdict(theirs, ours):
    match ("text" in theirs, "text" in ours):
        case (True, True):
            return "equal" if theirs["text"] == ours["text"] else "DIFFERENT"
        case (False, False):
            return "both refuse"
        case (True, False):
            return "REFUSED HERE"
        case _:
            return "REFUSED THERE"


def compare(program, what, cases, names):
    """One line for all cases that agree, and one for each that does not."""
    counts, templates = Counter(), {}
    for (template, messages, generation), name, mine in zip(cases, names, ours(program, cases), strict=True):
        theirs = reference(template, messages, generation)
        judged = verdict(theirs, mine)
        counts[judged] += 1
        templates.setdefault(name, set()).add(judged)
        if judged.upper() == judged:
            print(f"{judged}: {name}\n  {json.dumps(messages, ensure_ascii=False)[:200]}\n  theirs {shown(theirs, mine)}\n  ours   {shown(mine, theirs)}")
    agree = sum(all(one.upper() != one for one in judged) for judged in templates.values())
    print(f"{what}: {agree} of {len(templates)} templates agree; {sum(counts.values())} conversations: {dict(counts)}", flush=True)
    return agree == len(templates)


def shown(one, other):
    """An answer from a little before where it leaves the other one."""
    if "raises" in one:
        return f"raises {one['raises']}"[:300]
    text, far = one["text"], other.get("text", "")
    at = next((i for i, (a, b) in enumerate(zip(text, far)) if a != b), min(len(text), len(far)))
    return repr(text[max(0, at - 40) : at + 60])


def construct_cases():
    for template in constructs.TEMPLATES:
        yield template, constructs.CONVERSATION, True


def drawn_cases(seed):
    draw = random.Random(seed)
    for _ in range(DRAWN):
        yield "{{ " + constructs.expression(draw) + " }}", constructs.CONVERSATION, True


def public_cases(folders):
    files = sorted(itertools.chain.from_iterable(Path(folder).rglob("*.jinja*") for folder in folders))
    seen = set()
    for file in files:
        template = file.read_bytes().decode()
        if template in seen:
            continue
        seen.add(template)
        for messages in constructs.CONVERSATIONS:
            yield file.name, (template, messages, True)


def check(program, folders):
    agreed = True
    for what, cases in [("constructs", [*construct_cases()]), ("drawn expressions", [*drawn_cases(1)])]:
        agreed &= compare(program, what, cases, [template for template, _, _ in cases])
    if folders:
        names, cases = zip(*public_cases(folders), strict=True)
        agreed &= compare(program, "public templates", cases, names)
    return agreed


def write_golden():
    cases = [{"template": template, **reference(template, messages, generation)} for template, messages, generation in construct_cases()]
    for case in cases:
        if "raises" in case:
            case["raises"] = True  # Python's words change
    GOLDEN.parent.mkdir(exist_ok=True)
    conversation = json.dumps(constructs.CONVERSATION, ensure_ascii=False)  # as text, since the order of fields matters
    golden = {"tokens": TOKENS, "messages": conversation, "cases": cases}
    GOLDEN.write_text(json.dumps(golden, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["golden"]:
            write_golden()
        case [program, *folders]:
            sys.exit(not check(program, folders))
        case _:
            raise SystemExit(__doc__)
