"""Tiny models; every test here needs PyTorch."""

from __future__ import annotations

from pathlib import Path

import pytest

from tiny import FAMILIES, GOLDEN, tiny_llama, write_tokenizer

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in Path(item.fspath).parents:
            item.add_marker(pytest.mark.needs_torch)


@pytest.fixture(autouse=True)
def quiet():
    torch = pytest.importorskip("torch")
    from transformers.utils import logging

    torch.set_num_threads(1)
    torch.manual_seed(0)
    logging.set_verbosity_error()
    logging.disable_progress_bar()


@pytest.fixture(params=FAMILIES)
def family(request):
    return GOLDEN / "families" / request.param


@pytest.fixture
def tokenizer(tmp_path):
    """Byte-level pairs, 420 tokens, with the marks of chat templates."""
    import transformers

    folder = tmp_path / "tokenizer"
    return transformers.AutoTokenizer.from_pretrained(write_tokenizer(folder, "llama3"))


@pytest.fixture
def llama():
    return tiny_llama
