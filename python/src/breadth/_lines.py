"""One line of a data file, as written: which fields there are, and what may stand in them."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from breadth._errors import Ids, fail, refuse_open_file

_LINE = (
    'a line is {"prompt": .., "response": ..}, each text or a list of token ids, '
    'or {"messages": [..]}'
)


def lines_of(source: Any) -> Iterable[tuple[str, Mapping[str, Any]]]:
    if isinstance(source, str | os.PathLike):
        source = [source]
    refuse_open_file(source)
    for number, entry in enumerate(source, start=1):
        if isinstance(entry, str | os.PathLike):
            yield from _file(Path(entry))
        elif isinstance(entry, Mapping):
            yield f"line {number}", entry
        else:
            fail(f"line {number}", f"is not an object; {_LINE}")


def _file(path: Path) -> Iterable[tuple[str, Mapping[str, Any]]]:
    with open(path, encoding="utf-8") as file:
        for number, text in enumerate(file, start=1):
            if not text.strip():
                continue
            place = f"{path}, line {number}"
            try:
                line = json.loads(text, parse_constant=_no_constant)
            except ValueError as error:
                fail(place, f"{error}; {_LINE}")
            if not isinstance(line, dict):
                fail(place, f"is not an object; {_LINE}")
            yield place, line


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def contents(fields: dict[str, Any], place: str) -> tuple[Any, Any, Any]:
    """Prompt and response; each text or ids, the prompt perhaps messages, the response perhaps
    none. Also the assistant's last message, where that is the response."""
    if "messages" in fields:
        if "prompt" in fields:
            fail(f"{place}: messages", "stands beside prompt; give one of them")
        if "response" in fields:
            why = "stands beside messages, whose last message of the assistant is the response"
            fail(f"{place}: response", f"{why}; give one of them, or the conversation as `prompt`")
        return _conversation(fields["messages"], place)
    if "prompt" not in fields:
        fail(place, "has neither prompt nor messages")
    prompt = fields["prompt"]
    if isinstance(prompt, str):
        pass
    elif isinstance(prompt, list | tuple):
        first = prompt[0] if prompt else None
        is_chat = isinstance(first, Mapping)
        prompt = (_messages if is_chat else _ids)("prompt", prompt, place)
    else:
        fail(f"{place}: prompt", "must be text, a list of token ids or a list of messages")
    return prompt, _response(fields, place), None


def _response(fields: dict[str, Any], place: str) -> Any:
    response = fields.get("response")
    if response is None:
        return None
    if response == "":
        why = "is empty; remove the line, or give the tokens that end a response"
        fail(f"{place}: response", why)
    if isinstance(response, str):
        return response
    if isinstance(response, list | tuple):
        return _ids("response", response, place)
    fail(f"{place}: response", "must be text or a list of token ids")


def _ids(name: str, values: Sequence[Any], place: str) -> Ids:
    for at, value in enumerate(values):
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            why = f"{value!r} is not a token id; ids are whole numbers from 0"
            fail(f"{place}: {name}[{at}]", why)
    return list(values)


def _conversation(messages: Any, place: str) -> tuple[list[Any], str | None, Any]:
    checked = _messages("messages", messages, place)
    last = checked[-1]
    if last["role"] != "assistant":
        return checked, None, None
    at = f"{place}: messages[{len(checked) - 1}].content"
    if not isinstance(last.get("content"), str):
        fail(at, "must be text; the last message is the response")
    if not last["content"]:
        fail(at, "is empty; the last message is the response")
    if len(checked) == 1:
        fail(f"{place}: messages", "hold no message before the response")
    return checked[:-1], last["content"], last


def _messages(name: str, messages: Any, place: str) -> list[Any]:
    if not isinstance(messages, list | tuple) or not messages:
        fail(f"{place}: {name}", 'must be a list of {"role": .., "content": ..}')
    for at, message in enumerate(messages):
        where = f"{place}: {name}[{at}]"
        if not isinstance(message, Mapping):
            fail(where, 'must be {"role": .., "content": ..}')
        if not isinstance(message.get("role"), str):
            fail(where, 'has no role, such as "user" or "assistant"')
        said = isinstance(message.get("content"), str | list)
        if not said and message.get("tool_calls") is None:
            fail(where, "has no content, which is text")
    return list(messages)


def are_messages(prompt: Any) -> bool:
    return not isinstance(prompt, str) and bool(prompt) and isinstance(prompt[0], Mapping)


def string(fields: Mapping[str, Any], name: str, place: str) -> str | None:
    value = fields.get(name)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    fail(f"{place}: {name}", "must be text or a number")


def weight(fields: Mapping[str, Any], place: str) -> float | None:
    weight = fields.get("weight")
    if weight is None:
        return None
    if isinstance(weight, bool) or not isinstance(weight, int | float):
        fail(f"{place}: weight", "must be a number above 0")
    if not 0.0 < weight < math.inf:
        fail(place, f"weight = {weight} must be above 0")
    return float(weight)
