"""Prompts and responses as people keep them, to token ids: as `breadth score --data` reads them.

A line is `{"prompt": .., "response": ..}`, each text or a list of token ids, or
`{"messages": [{"role": .., "content": ..}, ..]}`, where what the assistant says last is the
response and everything before it the prompt; `prompt` itself may be a list of messages. Optional
beside them: `prompt_id`, `response_id`, `answer`, `group`, `weight`. Other fields are not read.

Nothing is done silently: which tokens start a prompt, whether a response got its end token, where
prompt and response merge into other tokens in one piece, what was cut. `Account` counts it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from breadth._errors import DataError, Ids, Source, fail
from breadth._lines import are_messages, contents, lines_of, string, weight
from breadth._text import Text

_END_POLICIES = ("auto", "always", "never")

_BOUNDARIES = ("separate", "joint")

_SIDES = (None, "left", "right")


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
    #: Responses that are taken as the chat template writes them, which is not as they stand.
    as_written: int
    #: Responses that are taken as they stand, though the template would write them otherwise.
    rewritten: int
    end_token: EndTokenAccount
    boundary: BoundaryAccount
    as_written_example: str | None = None
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
        if self.as_written:
            said.append(
                f"the chat template writes {self.as_written} of {self.conversations} responses "
                f"otherwise than they stand in the data (first: {self.as_written_example}); "
                "they are taken as it writes them"
            )
        if self.rewritten:
            said.append(
                f"the chat template writes {self.rewritten} of {self.conversations} responses "
                f"otherwise than they stand in the data (first: {self.rewritten_example}); "
                "they are taken as they stand. If the model was trained on what the template "
                "writes, give whole conversations as `messages`, or prompt and response as the "
                "text that it was trained on"
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
    read = [reader.line(line, at, place) for at, (place, line) in enumerate(lines_of(source))]
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
    as_written: str | None = None
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
        prompt, response, turn = contents(fields, place)
        if response is None and self.responses:
            why = "has no response"
            if are_messages(prompt):
                why += "; the last message must be the assistant's"
            fail(place, why)
        prompt_id = string(fields, "prompt_id", place)
        response_id = string(fields, "response_id", place)
        item = Item(
            prompt_id=str(at) if prompt_id is None else prompt_id,
            response_id="0" if response_id is None else response_id,
            prompt=[],
            answer=string(fields, "answer", place),
            group=string(fields, "group", place),
            weight=weight(fields, place),
        )
        read = _Read(item)
        self._tokens(read, prompt, response, turn, place)
        self._cut(read, place)
        return read

    def _tokens(self, read: _Read, prompt: Any, response: Any, turn: Any, place: str) -> None:
        item, at = read.item, f"{place}: prompt"
        if isinstance(prompt, str):
            item.prompt_text, item.prompt = prompt, self.text.encode_prompt(prompt, at)
        elif are_messages(prompt):
            read.is_conversation = True
            item.prompt_text = self.text.prompt_of(prompt, place)
            item.prompt = self.text.encode(item.prompt_text, at)
            if isinstance(response, str):
                last = turn or {"role": "assistant", "content": response}
                written = self.text.turn(item.prompt_text, prompt, last)
                if written is not None and written != response and turn is not None:
                    response, read.as_written = written, place
                elif written != response:
                    read.rewritten = place
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
            fail(f"{place}: response", "has no token")
        if item.prompt_text is not None:
            joint = self._joint(read, item.prompt_text + response, place)
            start = len(item.prompt)
            if read.as_written and joint and joint[:start] == item.prompt and joint[start:]:
                ids = joint[start:]  # the template writes both in one piece
            elif joint is not None:
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
            fail(
                place,
                f"{length} tokens of prompt and response; at most {most} are allowed; shorten it, "
                'or say truncate="left" or "right"',
            )
        start = self.text.start_token()
        kept = int(start is not None and item.prompt[:1] == [start])
        room = max(0, most - response)
        if room <= kept:
            fail(
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
            as_written=sum(one.as_written is not None for one in read),
            as_written_example=next((one.as_written for one in read if one.as_written), None),
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
    fail(
        place,
        f'boundary="joint": the last tokens of the prompt merge with the response{shown}; move '
        'the white space at the boundary, or say boundary="separate"',
    )


def _check_unique(items: Iterable[Item]) -> None:
    seen = set()
    for at, item in enumerate(items):
        key = (item.prompt_id, item.response_id)
        if key in seen:
            fail(
                f"item {at + 1}",
                f"prompt_id {key[0]}, response_id {key[1]} stands there twice; give each response "
                "its own response_id",
            )
        seen.add(key)


def _check_word(name: str, word: str | None, words: Sequence[str | None]) -> None:
    if word not in words:
        allowed = ", ".join(repr(one) for one in words)
        raise ValueError(f"{name} = {word!r} must be one of {allowed}")
