"""Lines to token ids, on a tokenizer whose every token is known."""

from __future__ import annotations

import json

import pytest

from breadth import DataError, Text, read_data
from breadth._data import one_per_prompt
from fakes import FakeTokenizer

A, B, C, SPACE, AB = 5, 6, 7, 8, 9


def text(**more):
    return Text(FakeTokenizer(), **{"end_tokens": [1], **more})


def one(line, **options):
    data = read_data([line], options.pop("text", text()), **options)
    return data.items[0], data.account


def test_prompts_start_once_and_responses_end_once():
    item, account = one({"prompt": "c", "response": "ab"})
    assert (item.prompt, item.response, item.response_text) == ([0, C], [AB, 1], "ab")
    assert account.end_token.appended == 1
    item, account = one({"prompt": "<s>c", "response": "ab</s>"})
    assert (item.prompt, item.response) == ([0, C], [AB, 1])
    assert (account.end_token.appended, account.end_token.present) == (0, 1)
    assert account.sentences()[0] == (
        "end token (auto; token 1): appended to 0 responses, 1 had one, 0 have none"
    )


@pytest.mark.parametrize(
    ("policy", "response", "ids", "counts"),
    [
        ("auto", "ab", [AB, 1], (1, 0, 0)),
        ("auto", [AB], [AB], (0, 0, 1)),
        ("always", [AB], [AB, 1], (1, 0, 0)),
        ("always", [AB, 1], [AB, 1], (0, 1, 0)),
        ("never", "ab", [AB], (0, 0, 1)),
    ],
)
def test_the_end_token_is_a_policy(policy, response, ids, counts):
    item, account = one({"prompt": [C], "response": response}, end_token=policy)
    end = account.end_token
    assert (item.response, (end.appended, end.present, end.without)) == (ids, counts)
    assert item.prompt == [C]


def test_end_tokens_are_the_models_where_they_are_tokens():
    assert text(end_tokens=[99, 4]).end_tokens == [4]
    assert text(end_tokens=[99]).end_tokens == [1]  # the tokenizer's own
    assert text(end_tokens=[4, 1]).end_token == 1  # the tokenizer's, if the model ends with it
    assert text(end_tokens=[4, 3]).end_token == 4
    with pytest.raises(DataError, match="name no end token"):
        read_data([{"prompt": [1], "response": [2]}], Text(), end_token="always")


def test_boundaries_that_merge_are_counted_and_can_be_joined():
    line = {"prompt": "ca", "response": "bc"}
    item, account = one(line)
    assert (item.prompt, item.response) == ([0, C, A], [B, C, 1])
    assert (account.boundary.checked, account.boundary.changed) == (1, 1)
    assert account.boundary.example == {
        "place": "line 1",
        "apart": [0, C, A, B, C],
        "joint": [0, C, AB, C],
    }
    assert "at 1 of 1 boundaries" in account.warnings()[0]
    with pytest.raises(DataError, match=r"line 1: boundary=\"joint\": the last tokens .* merge"):
        one(line, boundary="joint")
    item, account = one({"prompt": "c ", "response": "ab"}, boundary="joint")
    assert (item.response, account.boundary.changed) == ([AB, 1], 0)


def test_conversations_end_as_their_template_ends_a_turn():
    chat = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    data = read_data([{"messages": chat}], text())
    item = data.items[0]
    assert (item.prompt, item.response) == ([2, A, 4, 3], [B, 4])
    assert data.end_tokens == [1, 4]
    assert (data.account.conversations, data.account.end_token.tokens) == (1, [4])
    chat[1]["content"] = " b"  # the template strips it
    item, account = one({"messages": chat})
    assert (item.response, account.as_written, account.as_written_example) == ([B, 4], 1, "line 1")
    assert "they are taken as it writes them" in account.warnings()[0]
    item, account = one({"prompt": chat[:1], "response": " b"})
    assert (item.response, account.rewritten, account.rewritten_example) == (
        [SPACE, B, 4],
        1,
        "line 1",
    )
    assert "give whole conversations as `messages`" in account.warnings()[0]
    prompt_only = read_data([{"messages": chat[:1]}], text(), responses=False)
    assert prompt_only.items[0].response == []
    as_prompt, _ = one({"prompt": chat[:1], "response": "b"})
    assert as_prompt.response == [B, 4]
    with pytest.raises(DataError, match="refuses it: roles are user and assistant"):
        one({"prompt": [{"role": "system", "content": "a"}], "response": "b"})


def test_long_prompts_are_an_error_unless_cut():
    line = {"prompt": "abcab", "response": "c"}  # 4 and 2 tokens
    with pytest.raises(DataError, match="6 tokens of prompt and response; at most 4"):
        one(line, max_length=4)
    item, account = one(line, max_length=4, truncate="left")
    assert (item.prompt, account.cut.tokens) == ([0, AB], 2)
    item, _ = one(line, max_length=4, truncate="right")
    assert item.prompt == [0, AB]
    item, _ = one(line, truncate="right", text=text(positions=4))
    assert item.prompt == [0, AB, C]
    with pytest.raises(DataError, match="leaves no room"):
        one(line, max_length=3, truncate="left")
    with pytest.raises(DataError, match="does not say how long"):
        one(line, truncate="left")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"prompt": "a"}, "line 1: has no response"),
        ({"response": "a"}, "has neither prompt nor messages"),
        ({"prompt": "a", "response": ""}, "response: is empty"),
        ({"prompt": "a", "response": [1, -2]}, r"response\[1\]: -2 is not a token id"),
        ({"prompt": [True], "response": "a"}, r"prompt\[0\]: True is not a token id"),
        ({"prompt": "a", "messages": [], "response": "a"}, "stands beside prompt"),
        ({"messages": [{"content": "a"}]}, r"messages\[0\]: has no role"),
        ({"messages": [{"role": "user", "content": "a"}]}, "must be the assistant's"),
        ({"prompt": "a", "response": "b", "weight": 0}, "weight = 0 must be above 0"),
        ({"prompt": "a", "response": "b", "group": []}, "group: must be text or a number"),
        ({"prompt": "a", "response": "?"}, "response: the tokenizer leaves out '[?]'"),
    ],
)
def test_wrong_lines_name_place_and_field(line, message):
    with pytest.raises(DataError, match=message):
        one(line)


def test_files_are_read_as_lines(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_text(
        '\n{"prompt": [5], "response": [6], "prompt_id": 7}\n{"prompt": [5],'
        ' "response": [7], "group": true, "answer": 1.5}\n'
    )
    first, second = read_data(path, Text()).items
    assert (first.prompt_id, second.prompt_id) == ("7", "1")
    assert (second.group, second.answer) == ("true", "1.5")
    path.write_text('{"prompt": [5], "response": [6], "weight": NaN}\n')
    with open(path) as file, pytest.raises(TypeError, match="is an open file: give its path"):
        read_data(file, Text())
    with pytest.raises(DataError, match="line 1: NaN is not JSON"):
        read_data(path, Text())
    path.write_text("\n")
    with pytest.raises(DataError, match="no line"):
        read_data([path], Text())
    twice = [{"prompt": [5], "response": [6], "prompt_id": 1}] * 2
    with pytest.raises(DataError, match="item 2: prompt_id 1, response_id 0 stands there twice"):
        read_data(twice, Text())
    with pytest.raises(DataError, match="is text, and there is no tokenizer"):
        read_data([{"prompt": "a", "response": [6]}], Text())


def test_lines_of_a_prompt_are_its_right_answers():
    lines = [{"prompt": [5], "response": [6], "prompt_id": 1, "response_id": i} for i in range(2)]
    lines[1]["response"] = [7]
    lines.append({"prompt": [6], "response": [6], "prompt_id": 2})
    items = one_per_prompt(read_data(lines, Text()).items)
    assert [item.right_responses() for item in items] == [[[6], [7]], [[6]]]
    lines[1]["prompt"] = [9]
    with pytest.raises(DataError, match="have different prompts"):
        one_per_prompt(read_data(lines, Text()).items)


def test_the_account_is_a_document():
    _, account = one({"prompt": "ca", "response": "bc"})
    document = account.to_dict()
    assert json.loads(json.dumps(document)) == document
    parts = {"lines", "conversations", "as_written", "rewritten", "end_token", "boundary"}
    assert set(document) == parts
