"""Prompts and responses as people keep them, to token ids: as `breadth score --data` reads them.

A line is `{"prompt": .., "response": ..}`, each text or a list of token ids, or
`{"messages": [{"role": .., "content": ..}, ..]}`, where what the assistant says last is the
response and everything before it the prompt; `prompt` itself may be a list of messages. Optional
beside them: `prompt_id`, `response_id`, `answer`, `group`, `weight`. Other fields are not read.

Nothing is done silently: which tokens start a prompt, whether a response got its end token, where
prompt and response merge into other tokens in one piece, what was cut. `Account` counts it.
"""

from __future__ import annotations

import contextlib
import datetime
import importlib
import json
import math
import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NoReturn

Ids = list[int]
Source = str | os.PathLike[str]
_LINE = (
    'a line is {"prompt": .., "response": ..}, each text or a list of token ids, '
    'or {"messages": [..]}'
)
#: What a chat template that asks for the date is told, as by `breadth score`: a score must not
#: depend on when it was computed.
TEMPLATE_DAY = datetime.datetime(2024, 7, 26)
_MARKS = {"\u00ad", "\u2060", "\ufeff"}
_END_POLICIES = ("auto", "always", "never")
_BOUNDARIES = ("separate", "joint")
_SIDES = (None, "left", "right")


class DataError(ValueError):
    """Data that cannot be used; the message names the file, the line and the field."""


@dataclass
class Item:
    """One line of data."""

    prompt_id: str
    response_id: str
    prompt: Ids
    #: Empty where only prompts are asked for.
    response: Ids = field(default_factory=list)
    prompt_text: str | None = None
    #: The response as text, without an end token that was added.
    response_text: str | None = None
    #: What verifiers compare with, where that is not the response.
    answer: str | None = None
    group: str | None = None
    weight: float | None = None
    #: Other lines of the prompt: what else is right.
    alternatives: list[Item] = field(default_factory=list)

    def right_responses(self) -> list[Ids]:
        """Token ids of every response that the data call right."""
        every = [self.response, *(other.response for other in self.alternatives)]
        return [response for response in every if response]


@dataclass
class EndTokenAccount:
    """How responses end."""

    policy: str
    #: The tokens that were appended, or would be.
    tokens: Ids
    appended: int
    present: int
    without: int


@dataclass
class BoundaryAccount:
    """Boundaries of lines whose prompt and response are both text."""

    policy: str
    checked: int
    #: Boundaries at which prompt and response in one piece have other ids than apart.
    changed: int
    #: The first of them: `place`, and the ids around it `apart` and `joint`.
    example: dict[str, Any] | None = None


@dataclass
class CutAccount:
    """Prompts that were cut."""

    side: str
    max_length: int
    prompts: int
    tokens: int


@dataclass
class Account:
    """What was done to the data on its way to token ids; the same as in `breadth score --json`."""

    lines: int
    conversations: int
    #: Responses that the chat template writes otherwise than they stand in the conversation.
    rewritten: int
    end_token: EndTokenAccount
    boundary: BoundaryAccount
    rewritten_example: str | None = None
    cut: CutAccount | None = None

    def to_dict(self) -> dict[str, Any]:
        """The document, without what is not there."""

        def kept(value: Any) -> Any:
            if not isinstance(value, dict):
                return value
            return {name: kept(inner) for name, inner in value.items() if inner is not None}

        document: dict[str, Any] = kept(asdict(self))
        return document

    def sentences(self) -> list[str]:
        """The account in sentences, warnings last."""
        end = self.end_token
        ids = " or ".join(map(str, end.tokens))
        token = f"token {ids}" if ids else "the model names none"
        return [
            f"end token ({end.policy}; {token}): appended to {end.appended} responses, "
            f"{end.present} had one, {end.without} have none",
            *self.warnings(),
        ]

    def warnings(self) -> list[str]:
        """What a person should see before the work begins."""
        said = []
        boundary, example = self.boundary, self.boundary.example
        if example is not None:
            taken = "the ids of one piece are taken"
            if boundary.policy == "separate":
                taken = 'they are tokenised apart; boundary="joint" takes the ids of one piece'
            said.append(
                f"at {boundary.changed} of {boundary.checked} boundaries the tokens of prompt and "
                f"response merge differently in one piece ({example['place']}: "
                f"{example['apart']} apart, {example['joint']} in one piece); {taken}"
            )
        if self.rewritten:
            said.append(
                f"the chat template writes {self.rewritten} of {self.conversations} responses "
                f"otherwise than they stand in the data (first: {self.rewritten_example}); "
                "they are taken as they stand"
            )
        if self.cut is not None and self.cut.prompts:
            said.append(
                f"{self.cut.prompts} prompts were cut on the {self.cut.side} to "
                f"{self.cut.max_length} tokens with their response: {self.cut.tokens} tokens "
                "left out"
            )
        return said


@dataclass
class Data:
    """Lines with their token ids, and what was done to them."""

    items: list[Item]
    account: Account
    #: The tokens that end a response to these prompts.
    end_tokens: Ids


class Text:
    """A tokenizer of transformers, and what the model says of ends and lengths.

    A fast tokenizer is copied, so that nothing is changed in the one given and no saved truncation
    or padding applies. Without a tokenizer, data must be token ids.
    """

    def __init__(
        self, tokenizer: Any = None, *, end_tokens: Iterable[int] = (), positions: int | None = None
    ):
        self._given = tokenizer
        self._fast = _copied(tokenizer)
        self._checks_characters = self._fast is not None and _is_plain_bpe(self._fast)
        self._known: dict[str, bool] = {}
        self._end_of_turn: tuple[int | None] | None = None
        self.positions = positions
        ends = list(dict.fromkeys(end_tokens))
        self.end_tokens: Ids = ends if tokenizer is None else [i for i in ends if self._is_token(i)]
        said = getattr(tokenizer, "eos_token_id", None)
        if not self.end_tokens and said is not None:
            self.end_tokens = [said]
        is_end = said is not None and said in self.end_tokens
        #: The token that ends a response of plain text.
        self.end_token: int | None = said if is_end else next(iter(self.end_tokens), None)

    @classmethod
    def of_model(cls, model: Any, tokenizer: Any = None) -> Text:
        """With the end tokens of the model's generation configuration, else its configuration."""
        config = getattr(model, "config", None)
        inner = config.get_text_config() if hasattr(config, "get_text_config") else config
        ends: Ids = []
        for source in (getattr(model, "generation_config", None), config, inner):
            ends = ends or _as_list(getattr(source, "eos_token_id", None))
        names = ("max_position_embeddings", "n_positions", "n_ctx")
        positions = next((p for n in names if (p := getattr(inner, n, None)) is not None), None)
        return cls(tokenizer, end_tokens=ends, positions=positions)

    @property
    def has_tokenizer(self) -> bool:
        """Whether text can be read."""
        return self._given is not None

    def end_of_turn(self) -> int | None:
        """What the chat template writes after the assistant's words, else the end token."""
        if self._end_of_turn is None:
            self._end_of_turn = (self._after_assistant(),)
        found = self._end_of_turn[0]
        return self.end_token if found is None else found

    def decode(self, ids: Ids, *, plain: bool = True) -> str:
        """Text of token ids; `plain` leaves special tokens out."""
        if self._fast is not None:
            return str(self._fast.decode(ids, skip_special_tokens=plain))
        if self._given is not None:
            return str(self._given.decode(ids, skip_special_tokens=plain))
        return " ".join(map(str, ids))

    def prompt_of(self, messages: Sequence[Any], place: str) -> str:
        """The text of a conversation with the words that open the assistant's turn."""
        if self._given is None or not getattr(self._given, "chat_template", None):
            _fail(place, "is a conversation, and the tokenizer has no chat template")
        try:
            return self._rendered(messages, opens=True)
        except Exception as error:
            _fail(place, f"the chat template refuses it: {error}")

    def writes(self, prompt: str, messages: Sequence[Any], response: str) -> bool:
        """Whether the template, given the whole conversation, writes prompt and response so."""
        whole = [*messages, {"role": "assistant", "content": response}]
        try:
            text = self._rendered(whole, opens=False)
        except Exception:
            return True
        return text.startswith(prompt) and text[len(prompt) :].startswith(response)

    def encode(self, text: str, place: str) -> Ids:
        """Ids of a text, nothing added; every character must be in some token."""
        return self._encoded(text, special=False, place=place)[0]

    def encode_prompt(self, text: str, place: str) -> Ids:
        """Ids of a prompt: what the tokenizer puts first, never twice, then the text."""
        ids, mask = self._encoded(text, special=True, place=place)
        added = next((at for at, is_added in enumerate(mask) if not is_added), len(mask))
        own = [token for token, is_added in zip(ids, mask, strict=True) if not is_added]
        start = ids[:added]
        if not own:  # nothing tells what stands before the text from what stands after it
            start = [token for token in start if token not in self.end_tokens]
        return own if own[: len(start)] == start else start + own

    def start_token(self) -> int | None:
        """The tokenizer's start token, which a cut leaves in place."""
        found: int | None = getattr(self._given, "bos_token_id", None)
        return found

    def _encoded(self, text: str, *, special: bool, place: str) -> tuple[Ids, list[int]]:
        if self._given is None:
            _fail(place, "is text, and there is no tokenizer; pass tokenizer=, or give token ids")
        ids, mask = self._tokens(text, special)
        lost = self._left_out(text)
        if lost is None and not ids and text.strip():
            lost = text.strip()[0]
        if lost is not None:
            why = "which is in no token; is it the model's own?"
            _fail(place, f"the tokenizer leaves out {lost!r}, {why}")
        return ids, mask

    def _tokens(self, text: str, special: bool) -> tuple[Ids, list[int]]:
        if self._fast is not None:
            encoding = self._fast.encode(text, add_special_tokens=special)
            return list(encoding.ids), list(encoding.special_tokens_mask)
        out = self._given(text, add_special_tokens=special, return_special_tokens_mask=True)
        mask = list(out["special_tokens_mask"]) if special else [0] * len(out["input_ids"])
        return list(out["input_ids"]), mask

    def _left_out(self, text: str) -> str | None:
        """The first character that byte pair encoding passes over in silence."""
        if not self._checks_characters:
            return None
        return next((c for c in text if _is_visible(c) and not self._is_known(c)), None)

    def _is_known(self, character: str) -> bool:
        if character not in self._known:
            ids = self._tokens(character, special=False)[0]
            self._known[character] = bool(self.decode(ids, plain=False).strip())
        return self._known[character]

    def _is_token(self, token: int) -> bool:
        if self._fast is not None:
            return self._fast.id_to_token(token) is not None
        return 0 <= token < len(self._given)

    def _rendered(self, messages: Sequence[Any], *, opens: bool) -> str:
        asks = "strftime_now" in str(self._given.chat_template)
        with _one_day() if asks else contextlib.nullcontext():
            text: str = self._given.apply_chat_template(
                list(messages), tokenize=False, add_generation_prompt=opens
            )
        return text

    def _after_assistant(self) -> int | None:
        content = "breadth 3141592653 breadth"
        messages = [{"role": "user", "content": "?"}, {"role": "assistant", "content": content}]
        try:
            text = self._rendered(messages, opens=False)
        except Exception:
            return None
        if content not in text:
            return None
        after = text.rpartition(content)[2].lstrip()
        ids = self._tokens(after, special=False)[0] if after else []
        return ids[0] if ids and ids[0] in self._added_tokens() else None

    def _added_tokens(self) -> set[int]:
        if self._fast is not None:
            return set(self._fast.get_added_tokens_decoder())
        return set(getattr(self._given, "added_tokens_decoder", {}))


def read_data(
    source: Source | Sequence[Source] | Iterable[Mapping[str, Any]],
    text: Text,
    *,
    responses: bool = True,
    end_token: str = "auto",
    boundary: str = "separate",
    max_length: int | None = None,
    truncate: str | None = None,
    reserve: int = 0,
) -> Data:
    """Reads JSON Lines files, or lines that are dictionaries already; blank lines are skipped.

    `responses`: whether every line needs one. `end_token`: which responses get the token that ends
    them, if they lack it: `auto` (those given as text), `always`, `never`. `boundary`: whether
    prompt and response are tokenised apart (`separate`) or in one piece (`joint`). `max_length`:
    most tokens of prompt and response together; longer lines are an error unless `truncate` says
    at which end prompts are cut (`left`, `right`); responses never are. `reserve`: tokens kept free
    for a response that is yet to be drawn.
    """
    _check_word("end_token", end_token, _END_POLICIES)
    _check_word("boundary", boundary, _BOUNDARIES)
    _check_word("truncate", truncate, _SIDES)
    if end_token == "always" and text.end_token is None:
        raise DataError('end_token="always": the model and its tokenizer name no end token')
    if truncate is not None and max_length is None:
        if text.positions is None:
            raise DataError(
                f"truncate={truncate!r}: the model does not say how long a sequence may be; "
                "say max_length"
            )
        max_length = text.positions + 1  # the last token is only ever predicted
    reader = _Reader(text, responses, end_token, boundary, max_length, truncate, reserve)
    read = [reader.line(line, at, place) for at, (place, line) in enumerate(_lines(source))]
    if not read:
        raise DataError("no line of data")
    items = [one.item for one in read]
    _check_unique(items)
    account = reader.account(read)
    ends = list(text.end_tokens)
    turn = text.end_of_turn() if account.conversations else None
    if turn is not None and turn not in ends:
        ends.append(turn)
    return Data(items, account, ends)


def one_per_prompt(items: Iterable[Item]) -> list[Item]:
    """The first line of each prompt, with what its other lines say is right as `alternatives`."""
    first: dict[str, Item] = {}
    for item in items:
        kept = first.get(item.prompt_id)
        if kept is None:
            first[item.prompt_id] = kept = Item(**{**vars(item), "alternatives": []})
            continue
        if kept.prompt != item.prompt:
            raise DataError(
                f"prompt_id {item.prompt_id}: its lines with response_id {kept.response_id} and "
                f"{item.response_id} have different prompts; give each prompt its own prompt_id"
            )
        known = [(one.response, one.answer) for one in (kept, *kept.alternatives)]
        if (item.response, item.answer) not in known:
            kept.alternatives.append(item)
    return list(first.values())


@dataclass
class _Read:
    item: Item
    is_conversation: bool = False
    ended: bool = False
    has_end: bool = False
    is_checked: bool = False
    change: dict[str, Any] | None = None
    rewritten: str | None = None
    cut: int = 0


@dataclass
class _Reader:
    text: Text
    responses: bool
    end_token: str
    boundary: str
    max_length: int | None
    truncate: str | None
    reserve: int

    def line(self, line: Mapping[str, Any], at: int, place: str) -> _Read:
        fields = {name: value for name, value in line.items() if value is not None}
        prompt, response = _contents(fields, place)
        if response is None and self.responses:
            why = "has no response"
            if _are_messages(prompt):
                why += "; the last message must be the assistant's"
            _fail(place, why)
        prompt_id = _string(fields, "prompt_id", place)
        response_id = _string(fields, "response_id", place)
        item = Item(
            prompt_id=str(at) if prompt_id is None else prompt_id,
            response_id="0" if response_id is None else response_id,
            prompt=[],
            answer=_string(fields, "answer", place),
            group=_string(fields, "group", place),
            weight=_weight(fields, place),
        )
        read = _Read(item)
        self._tokens(read, prompt, response, place)
        self._cut(read, place)
        return read

    def _tokens(self, read: _Read, prompt: Any, response: Any, place: str) -> None:
        item, at = read.item, f"{place}: prompt"
        if isinstance(prompt, str):
            item.prompt_text, item.prompt = prompt, self.text.encode_prompt(prompt, at)
        elif _are_messages(prompt):
            read.is_conversation = True
            item.prompt_text = self.text.prompt_of(prompt, place)
            item.prompt = self.text.encode(item.prompt_text, at)
            if isinstance(response, str):
                same = self.text.writes(item.prompt_text, prompt, response)
                read.rewritten = None if same else place
        else:
            item.prompt = list(prompt)
        if response is None:
            return
        if isinstance(response, str):
            self._respond(read, response, place)
        else:
            item.response = list(response)
        self._end(read, isinstance(response, str))

    def _respond(self, read: _Read, response: str, place: str) -> None:
        item = read.item
        ids = self.text.encode(response, f"{place}: response")
        if not ids:
            _fail(f"{place}: response", "has no token")
        if item.prompt_text is not None:
            joint = self._joint(read, item.prompt_text + response, place)
            if joint is not None:
                read.is_checked = True
                read.change = _change(item.prompt + ids, joint, place)
                if self.boundary == "joint":
                    ids = _after_prompt(item.prompt, joint, place)
        item.response, item.response_text = ids, response

    def _joint(self, read: _Read, whole: str, place: str) -> Ids | None:
        encode = self.text.encode if read.is_conversation else self.text.encode_prompt
        try:
            return encode(whole, place)
        except DataError:
            if self.boundary == "joint":
                raise
            return None  # words that stand apart may make none in one piece

    def _end_token(self, is_conversation: bool) -> int | None:
        return self.text.end_of_turn() if is_conversation else self.text.end_token

    def _end(self, read: _Read, is_text: bool) -> None:
        token, response = self._end_token(read.is_conversation), read.item.response
        last = response[-1] if response else None
        read.has_end = last is not None and (last == token or last in self.text.end_tokens)
        due = {"auto": is_text, "always": True, "never": False}[self.end_token]
        if token is not None and due and not read.has_end:
            response.append(token)
            read.ended = True

    def _cut(self, read: _Read, place: str) -> None:
        if self.max_length is None:
            return
        item, most = read.item, self.max_length
        response = self.reserve or len(item.response)
        length = len(item.prompt) + response
        if length <= most:
            return
        if self.truncate is None:
            _fail(
                place,
                f"{length} tokens of prompt and response; at most {most} are allowed; shorten it, "
                'or say truncate="left" or "right"',
            )
        start = self.text.start_token()
        kept = int(start is not None and item.prompt[:1] == [start])
        room = max(0, most - response)
        if room <= kept:
            _fail(
                place,
                f"the response has {response} tokens, which leaves no room for a prompt within "
                f"{most}; responses are never cut",
            )
        read.cut = len(item.prompt) - room
        if self.truncate == "left":
            del item.prompt[kept : kept + read.cut]
        else:
            del item.prompt[room:]

    def account(self, read: Sequence[_Read]) -> Account:
        conversations = sum(one.is_conversation for one in read)
        counts = {True: conversations, False: len(read) - conversations}
        ends = [self._end_token(kind) for kind, lines in counts.items() if lines]
        tokens = [token for token in ends if token is not None]
        ended, present = sum(one.ended for one in read), sum(one.has_end for one in read)
        cut = None
        if self.truncate is not None and self.max_length is not None:
            cut = CutAccount(
                self.truncate,
                self.max_length,
                prompts=sum(one.cut > 0 for one in read),
                tokens=sum(one.cut for one in read),
            )
        return Account(
            lines=len(read),
            conversations=conversations,
            rewritten=sum(one.rewritten is not None for one in read),
            rewritten_example=next((one.rewritten for one in read if one.rewritten), None),
            end_token=EndTokenAccount(
                policy=self.end_token,
                tokens=list(dict.fromkeys(tokens)),
                appended=ended,
                present=present,
                without=sum(bool(one.item.response) for one in read) - ended - present,
            ),
            boundary=BoundaryAccount(
                policy=self.boundary,
                checked=sum(one.is_checked for one in read),
                changed=sum(one.change is not None for one in read),
                example=next((one.change for one in read if one.change), None),
            ),
            cut=cut,
        )


def _lines(source: Any) -> Iterable[tuple[str, Mapping[str, Any]]]:
    if isinstance(source, str | os.PathLike):
        source = [source]
    for number, entry in enumerate(source, start=1):
        if isinstance(entry, str | os.PathLike):
            yield from _file(Path(entry))
        elif isinstance(entry, Mapping):
            yield f"line {number}", entry
        else:
            _fail(f"line {number}", f"is not an object; {_LINE}")


def _file(path: Path) -> Iterable[tuple[str, Mapping[str, Any]]]:
    with open(path, encoding="utf-8") as file:
        for number, text in enumerate(file, start=1):
            if not text.strip():
                continue
            place = f"{path}, line {number}"
            try:
                line = json.loads(text, parse_constant=_no_constant)
            except ValueError as error:
                _fail(place, f"{error}; {_LINE}")
            if not isinstance(line, dict):
                _fail(place, f"is not an object; {_LINE}")
            yield place, line


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _contents(fields: dict[str, Any], place: str) -> tuple[Any, Any]:
    """Prompt and response; each text or ids, the prompt perhaps messages, the response perhaps
    none."""
    if "messages" in fields:
        if "prompt" in fields:
            _fail(f"{place}: messages", "stands beside prompt; give one of them")
        if "response" in fields:
            why = "stands beside messages, whose last message of the assistant is the response"
            _fail(f"{place}: response", f"{why}; give one of them, or the conversation as `prompt`")
        return _conversation(fields["messages"], place)
    if "prompt" not in fields:
        _fail(place, "has neither prompt nor messages")
    prompt = fields["prompt"]
    if isinstance(prompt, str):
        pass
    elif isinstance(prompt, list | tuple):
        first = prompt[0] if prompt else None
        is_chat = isinstance(first, Mapping)
        prompt = (_messages if is_chat else _ids)("prompt", prompt, place)
    else:
        _fail(f"{place}: prompt", "must be text, a list of token ids or a list of messages")
    return prompt, _response(fields, place)


def _response(fields: dict[str, Any], place: str) -> Any:
    response = fields.get("response")
    if response is None:
        return None
    if response == "":
        why = "is empty; remove the line, or give the tokens that end a response"
        _fail(f"{place}: response", why)
    if isinstance(response, str):
        return response
    if isinstance(response, list | tuple):
        return _ids("response", response, place)
    _fail(f"{place}: response", "must be text or a list of token ids")


def _ids(name: str, values: Sequence[Any], place: str) -> Ids:
    for at, value in enumerate(values):
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            why = f"{value!r} is not a token id; ids are whole numbers from 0"
            _fail(f"{place}: {name}[{at}]", why)
    return list(values)


def _conversation(messages: Any, place: str) -> tuple[list[Any], str | None]:
    checked = _messages("messages", messages, place)
    last = checked[-1]
    if last["role"] != "assistant":
        return checked, None
    at = f"{place}: messages[{len(checked) - 1}].content"
    if not isinstance(last.get("content"), str):
        _fail(at, "must be text; the last message is the response")
    if not last["content"]:
        _fail(at, "is empty; the last message is the response")
    if len(checked) == 1:
        _fail(f"{place}: messages", "hold no message before the response")
    return checked[:-1], last["content"]


def _messages(name: str, messages: Any, place: str) -> list[Any]:
    if not isinstance(messages, list | tuple) or not messages:
        _fail(f"{place}: {name}", 'must be a list of {"role": .., "content": ..}')
    for at, message in enumerate(messages):
        where = f"{place}: {name}[{at}]"
        if not isinstance(message, Mapping):
            _fail(where, 'must be {"role": .., "content": ..}')
        if not isinstance(message.get("role"), str):
            _fail(where, 'has no role, such as "user" or "assistant"')
        said = isinstance(message.get("content"), str | list)
        if not said and message.get("tool_calls") is None:
            _fail(where, "has no content, which is text")
    return list(messages)


def _are_messages(prompt: Any) -> bool:
    return not isinstance(prompt, str) and bool(prompt) and isinstance(prompt[0], Mapping)


def _string(fields: Mapping[str, Any], name: str, place: str) -> str | None:
    value = fields.get(name)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    _fail(f"{place}: {name}", "must be text or a number")


def _weight(fields: Mapping[str, Any], place: str) -> float | None:
    weight = fields.get("weight")
    if weight is None:
        return None
    if isinstance(weight, bool) or not isinstance(weight, int | float):
        _fail(f"{place}: weight", "must be a number above 0")
    if not 0.0 < weight < math.inf:
        _fail(place, f"weight = {weight} must be above 0")
    return float(weight)


def _change(apart: Ids, joint: Ids, place: str) -> dict[str, Any] | None:
    """The ids around the first difference, if there is one."""
    if apart == joint:
        return None
    pairs = zip(apart, joint, strict=False)
    shorter = min(len(apart), len(joint))
    at = next((i for i, (a, b) in enumerate(pairs) if a != b), shorter)
    around = slice(max(0, at - 2), at + 3)
    return {"place": place, "apart": apart[around], "joint": joint[around]}


def _after_prompt(prompt: Ids, joint: Ids, place: str) -> Ids:
    if joint[: len(prompt)] == prompt and len(joint) > len(prompt):
        return joint[len(prompt) :]
    change = _change(prompt, joint, place)
    shown = f" ({change['apart']} alone, {change['joint']} in one piece)" if change else ""
    _fail(
        place,
        f'boundary="joint": the last tokens of the prompt merge with the response{shown}; move '
        'the white space at the boundary, or say boundary="separate"',
    )


def _check_unique(items: Iterable[Item]) -> None:
    seen = set()
    for at, item in enumerate(items):
        key = (item.prompt_id, item.response_id)
        if key in seen:
            _fail(
                f"item {at + 1}",
                f"prompt_id {key[0]}, response_id {key[1]} stands there twice; give each response "
                "its own response_id",
            )
        seen.add(key)


def _check_word(name: str, word: str | None, words: Sequence[str | None]) -> None:
    if word not in words:
        allowed = ", ".join(repr(one) for one in words)
        raise ValueError(f"{name} = {word!r} must be one of {allowed}")


def _as_list(value: Any) -> Ids:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _copied(tokenizer: Any) -> Any:
    """A copy of the library's tokenizer behind a fast one, without truncation and padding."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return None
    copy = type(backend).from_str(backend.to_str())
    copy.no_padding()
    copy.no_truncation()
    return copy


def _is_plain_bpe(fast: Any) -> bool:
    """Byte pair encoding of the kind that passes over a character without a token in silence."""
    model = fast.model
    marks = ("continuing_subword_prefix", "end_of_word_suffix")
    return type(model).__name__ == "BPE" and not any(getattr(model, m, None) for m in marks)


class _Day(datetime.datetime):
    """The day that templates are told."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Any:
        return TEMPLATE_DAY


@contextlib.contextmanager
def _one_day() -> Iterator[None]:
    """While open, templates that ask transformers for the date are told one day."""
    try:
        module: Any = importlib.import_module("transformers.utils.chat_template_utils")
    except ImportError:
        module = None
    usual = getattr(module, "datetime", None)
    if usual is None:
        yield
        return
    module.datetime = _Day
    try:
        yield
    finally:
        module.datetime = usual


def _is_visible(character: str) -> bool:
    """Not white space, a control or a mark without width, which a normalizer may tidy away."""
    point = ord(character)
    is_mark = character in _MARKS or 0x200B <= point <= 0x200F or 0xFE00 <= point <= 0xFE0F
    return not (character.isspace() or is_mark or unicodedata.category(character) == "Cc")


def _fail(place: str, why: str) -> NoReturn:
    raise DataError(f"{place}: {why}")
