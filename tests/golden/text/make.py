"""Writes the tokenizers and the numbers beside this file, with transformers and tokenizers (scripts/conformance-requirements.txt).

Run it with the environment of scripts/conformance: ~/.cache/breadth/venv/bin/python tests/golden/text/make.py
The templates are small ones in the shapes that are in use; what they give for each conversation is what apply_chat_template gives.
"""

import datetime
import json
import pathlib
import tempfile
from unittest import mock

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer

HERE = pathlib.Path(__file__).parent

TEXT = """
The capital of France is Paris. What is 12 + 30? The answer is 42, of course: 1,000 times 7 is 7,000.
Conversation roles must alternate between the user and the assistant. You are a helpful assistant. Answer in French.
system user assistant model Today Date: Cutting knowledge. x < y and "a" & 'b'. Une réponse française, s'il vous plaît.
"""

# Every family's special tokens, in one vocabulary.
SPECIAL = """<s> </s> <|begin_of_text|> <|end_of_text|> <|start_header_id|> <|end_header_id|> <|eot_id|> <|endoftext|>
<|im_start|> <|im_end|> <bos> <eos> <start_of_turn> <end_of_turn> <|system|> <|user|> <|assistant|> <|end|>""".split()

# Name, start and end tokens, what the tokenizer itself adds, end tokens of generation_config.json, the token that ends a turn.
FAMILIES = [
    ("chatml", None, "<|im_end|>", {}, ["<|im_end|>"], "<|im_end|>"),
    ("llama3", "<|begin_of_text|>", "<|end_of_text|>", {"post": True}, ["<|end_of_text|>", "<|eot_id|>"], "<|eot_id|>"),
    ("llama2", "<s>", "</s>", {"add_bos_token": True, "add_eos_token": False}, ["</s>"], "</s>"),
    ("mistral", "<s>", "</s>", {"post": True}, ["</s>"], "</s>"),
    ("gemma", "<bos>", "<eos>", {"post": True, "add_bos_token": True}, ["<eos>", "<end_of_turn>"], "<end_of_turn>"),
    ("gemma3", "<bos>", "<eos>", {"post": True}, ["<eos>", "<end_of_turn>"], "<end_of_turn>"),
    ("phi3", "<s>", "<|endoftext|>", {"add_bos_token": False, "post": True}, ["<|endoftext|>", "<|end|>"], "<|end|>"),
    ("qwen2", None, "<|im_end|>", {"add_bos_token": False}, ["<|im_end|>", "<|endoftext|>"], "<|im_end|>"),
    ("qwen3", None, "<|im_end|>", {"add_bos_token": False}, ["<|im_end|>", "<|endoftext|>"], "<|im_end|>"),
    ("marked", None, "<|endoftext|>", {}, ["<|endoftext|>"], "<|im_end|>"),
    ("tools", "<s>", "<|im_end|>", {}, ["<|im_end|>"], "<|im_end|>"),
]

CALL = {"type": "function", "function": {"name": "add", "arguments": {"b": [30, None, True, 1.5], "a": 12, "c": "é<&'\""}}}


# Whole numbers of 64 bits, of 128 and of more.
LARGE = {"function": {"name": "pay", "arguments": {"wei": 10**19, "id": 2**63 - 1, "low": -(2**63) - 1, "all": [2**127, -(2**255)], "real": 1e19}}}

ADD = {"type": "function", "function": {"name": "add", "description": "Sum of é & 'b'", "parameters": {"type": "object", "properties": {"b": {"type": ["integer", "null"]}, "a": {"enum": [2**64, None, 1.5]}}}}}


def message(role, content, **more):
    return {"role": role, "content": content, **more}


CONVERSATIONS = [
    [message("user", "What is 12 + 30?")],
    [message("system", "Answer in French."), message("user", "What is the capital of France?")],
    [message("user", "a"), message("assistant", "b"), message("user", "c")],
    [message("system", "  padded  "), message("user", "\n x < y & 'b' \n"), message("assistant", "  ok  "), message("user", "s'il vous plaît 😀")],
    [message("user", "12?"), message("assistant", "<think>\nhm\n</think>\n\n42"), message("user", "and 7?")],
    [message("user", "12?"), message("assistant", "42", reasoning_content="because"), message("user", "and?")],
    [message("user", "add"), message("assistant", "", tool_calls=[CALL]), message("tool", "42"), message("user", "so?")],
    [message("user", "add"), message("assistant", "", tool_calls=[CALL]), message("tool", "42"), message("tool", "43")],
    [message("user", "a"), message("user", "b")],
    [message("assistant", "I begin"), message("user", "b")],
    [message("user", [{"type": "text", "text": " parts "}])],
    [message("user", "written <|im_start|> by hand"), message("skip", "x"), message("stop", "y"), message("user", "z")],
]

# What stands beside a conversation in its line.
USER = [message("user", "add")]
BESIDE = [
    (USER, {"tools": [ADD]}),
    (USER, {"tools": [ADD, {"name": "now", "strict": None}], "chat_template_kwargs": {"enable_thinking": False}}),
    (USER, {"tools": []}),
    (USER, {"tools": None, "chat_template_kwargs": None}),
    ([message("user", "add"), message("assistant", "", tool_calls=[LARGE]), message("tool", "42")], {"tools": [ADD]}),
    (USER, {"chat_template_kwargs": {"enable_thinking": True, "date": "1 May 2026", "bos_token": "<bos>", "limit": 2**70, "parts": [{"b": 1, "a": None}]}}),
    (USER, {"chat_template_kwargs": {"documents": [{"title": "t", "text": "x"}], "enable_thinking": None}}),
]

# Last messages of the assistant as lists of parts.
TURNS = [
    [{"type": "text", "text": "It is 42."}],
    [{"type": "text", "text": " 4"}, {"type": "text", "text": "2 "}],
]

PLAIN = ["The capital of France is", " Paris", "", "réponse 😀", "a\n\n b  c"]


class Now(datetime.datetime):
    """The day that breadth tells templates."""

    @classmethod
    def now(cls, tz=None):
        return cls(2024, 7, 26)


def byte_level():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420, special_tokens=SPECIAL, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator([TEXT] * 2, trainer)
    # As in some published files: it would cut and fill up what is given to it.
    tokenizer.enable_truncation(max_length=8)
    tokenizer.enable_padding(length=8, pad_id=0, pad_token="<s>")
    return tokenizer


def metaspace():
    """As SentencePiece does it: a space is put before every text. Letters that it has not seen are left out."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
    trainer = trainers.BpeTrainer(vocab_size=200, special_tokens=["<s>", "</s>"], show_progress=False)
    tokenizer.train_from_iterator([TEXT] * 2, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    return tokenizer


def family(base, name, bos, eos, adds, ends, turn):
    tokenizer = Tokenizer.from_str(base.to_str())
    tokenizer.no_truncation()
    tokenizer.no_padding()
    if adds.get("post"):
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A", special_tokens=[(bos, tokenizer.token_to_id(bos))]
        )
    template = (HERE / "templates" / f"{name}.jinja").read_text()
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": eos, "clean_up_tokenization_spaces": False}
    config |= {"bos_token": bos} if bos else {}
    config |= {key: value for key, value in adds.items() if key != "post"}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        tokenizer.save(str(folder / "tokenizer.json"))
        (folder / "tokenizer_config.json").write_text(json.dumps(config))
        (folder / "chat_template.jinja").write_text(template)
        theirs = AutoTokenizer.from_pretrained(folder)
    post_processor = json.loads(tokenizer.to_str())["post_processor"]
    return {
        "name": name,
        "tokenizer_config": config,
        "generation_config": {"eos_token_id": [tokenizer.token_to_id(end) for end in ends]},
        "post_processor": post_processor,
        "end_of_turn": tokenizer.token_to_id(turn),
        "conversations": [conversation(theirs, messages) for messages in CONVERSATIONS],
        "beside": [conversation(theirs, messages, **beside) for messages, beside in BESIDE],
        "turns": [whole(theirs, parts) for parts in TURNS],
        "plain": [{"text": text, "ids": theirs(text).input_ids} for text in PLAIN if text],
    }


def whole(tokenizer, parts):
    """The whole conversation, with nothing that opens another turn."""
    messages = [message("user", "12?"), message("assistant", parts)]
    try:
        return {"messages": messages, "text": tokenizer.apply_chat_template(messages, tokenize=False)}
    except Exception as error:
        return {"messages": messages, "raises": f"{type(error).__name__}: {error}"}


def named(base):
    """Two templates in one configuration."""
    template = "{% for m in messages %}<|user|>{{ m.content }}<|end|>{% endfor %}"
    with_tools = "{{ tools | tojson }}" + template
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": [{"name": "tool_use", "template": with_tools}, {"name": "default", "template": template}]}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        base.save(str(folder / "tokenizer.json"))
        (folder / "tokenizer_config.json").write_text(json.dumps(config))
        theirs = AutoTokenizer.from_pretrained(folder)
    besides = [{}, {"tools": [ADD]}, {"tools": []}, {"tools": None}]
    return {"tokenizer_config": config, "conversations": [named_case(theirs, beside) for beside in besides]}


def named_case(tokenizer, beside):
    line = json.dumps({"prompt": USER} | beside, ensure_ascii=False)
    return {"line": line, "text": tokenizer.apply_chat_template(USER, tokenize=False, **beside)}


def conversation(tokenizer, messages, **beside):
    # As text, since the order of fields matters.
    line = json.dumps({"prompt": messages} | beside, ensure_ascii=False)

    def render(**options):
        given = {"tools": beside.get("tools")} | (beside.get("chat_template_kwargs") or {})
        return tokenizer.apply_chat_template(messages, add_generation_prompt=True, **given, **options)

    try:
        with mock.patch("transformers.utils.chat_template_utils.datetime", Now):
            text = render(tokenize=False)
            ids = render(tokenize=True, return_dict=False)
    except Exception as error:
        return {"line": line, "raises": f"{type(error).__name__}: {error}"}
    assert ids == tokenizer(text, add_special_tokens=False).input_ids
    return {"line": line, "text": text} | ({} if beside else {"ids": ids})


def boundaries(tokenizer):
    tokenizer = Tokenizer.from_str(tokenizer.to_str())
    tokenizer.no_truncation()
    tokenizer.no_padding()
    pairs = [("The capital of France is", " Paris"), ("The capital of France is ", "Paris"), ("1", "000"), ("x <", " y"), ("the us", "er and"), ("a\n", "\nb")]
    def ids(text):
        return tokenizer.encode(text, add_special_tokens=False).ids

    return [
        {"prompt": prompt, "response": response, "apart": ids(prompt) + ids(response), "joint": ids(prompt + response)}
        for prompt, response in pairs
    ]


def main():
    base, spaces = byte_level(), metaspace()
    for name, tokenizer in [("byte_level", base), ("metaspace", spaces)]:
        (HERE / f"{name}.json").write_text(json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False) + "\n")
    expected = {
        "families": [family(base, *entry) for entry in FAMILIES],
        "named": named(base),
        "boundaries": {"byte_level": boundaries(base), "metaspace": boundaries(spaces)},
    }
    (HERE / "expected.json").write_text(json.dumps(expected, ensure_ascii=False, indent=1) + "\n")


main()
