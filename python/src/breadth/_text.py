"""Text to token ids and back, by a tokenizer of transformers."""

from __future__ import annotations

import contextlib
import datetime
import importlib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from breadth._errors import Ids, fail

#: What a chat template that asks for the date is told, as by `breadth score`: a score must not
#: depend on when it was computed.
TEMPLATE_DAY = datetime.datetime(2024, 7, 26)

#: A content that is found again in what a template writes.
_MARK = "breadth 2718281828 breadth"

_MARKS = {"\u00ad", "\u2060", "\ufeff"}


class Text:
    """A tokenizer of transformers, and what the model says of ends and lengths.

    A fast tokenizer is copied, so that nothing is changed in the one given and no saved truncation
    or padding applies. Without a tokenizer, data must be token ids.
    """

    #: Where a tokenizer is given, for errors about a missing one.
    way = "pass tokenizer="

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
        config: Any = getattr(model, "config", None)
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
        if self._given is None:
            fail(place, f"is a conversation, and there is no tokenizer; {self.way}")
        if not getattr(self._given, "chat_template", None):
            fail(place, "is a conversation, and the tokenizer has no chat template")
        try:
            return self._rendered(messages, opens=True)
        except Exception as error:
            fail(place, f"the chat template refuses it: {error}")

    def turn(self, prompt: str, messages: Sequence[Any], last: Mapping[str, Any]) -> str | None:
        """What the template, given the whole conversation, writes after the prompt as its last
        turn: the content as it stands, or another text that holds it; None where it goes on
        otherwise. White space before the token that ends the turn is of the turn."""
        content = last["content"]
        try:
            whole = self._rendered([*messages, last], opens=False)
        except Exception:
            return str(content)
        if not whole.startswith(prompt):
            return None
        rest = whole[len(prompt) :]
        is_first = rest.startswith(content)
        if is_first and not rest[len(content) :][:1].isspace():
            return str(content)
        try:
            marked = self._rendered([*messages, {**last, "content": _MARK}], opens=False)
        except Exception:
            marked = ""
        tail = marked.rpartition(_MARK)[2]
        if _MARK not in marked or not rest.endswith(tail):
            return content if is_first else None
        space = len(tail) - len(tail.lstrip())
        end = self.end_of_turn()
        ends = "" if end is None else self.decode([end], plain=False)
        is_before_end = bool(ends) and tail[space:].startswith(ends)
        written = rest[: len(rest) - len(tail) + (space if is_before_end else 0)]
        return written if content.strip() in written else None

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
            fail(place, f"is text, and there is no tokenizer; {self.way}, or give token ids")
        ids, mask = self._tokens(text, special)
        lost = self._left_out(text)
        if lost is None and not ids and text.strip():
            lost = text.strip()[0]
        if lost is not None:
            why = "which is in no token; is it the model's own?"
            fail(place, f"the tokenizer leaves out {lost!r}, {why}")
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


def _as_list(value: Any) -> Ids:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


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
