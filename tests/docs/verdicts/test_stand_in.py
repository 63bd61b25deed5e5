"""A stand-in model is named in every row that its answers could touch; such a row is no defect for what it shows."""

import pytest

from kit.docs.run.replay import replay_page
from kit.pages.markdown import parse_text

PAGE = """
```python
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_openai import OpenAIEmbeddings

embeddings = OpenAIEmbeddings()
store = InMemoryVectorStore.from_texts(["a", "b"], embeddings)
hits = store.similarity_search_with_score("a")
```

```python
print(hits[0][1])
```

```output
0.8
```

```python
print(len(store.store))
```

```output
3
```

```python
hits[9]
```

```python
hits = [4]
hits
```

```output
[5]
```

```python
store.similarity_search("a", strange=True, k="4")
```
"""


@pytest.fixture(scope="module")
def rows():
    replay = replay_page(parse_text(PAGE))
    return [(v.row, v.stand_in != "", v.cause.what if v.cause else "") for v in replay.verdicts]


def test_what_a_stand_ins_scores_could_touch_is_named_and_no_defect(rows):
    assert rows[:2] == [
        ("holds", True, ""),
        ("environment", True, "model minilm in place of OpenAI's"),
    ]
    assert rows[3] == ("environment", True, "model minilm in place of OpenAI's")


def test_what_it_could_not_touch_counts(rows):
    assert rows[2] == ("defect", False, "")
    assert rows[4] == ("defect", False, "")


def test_a_wrong_call_is_a_defect_whoever_answers(rows):
    assert rows[5][:2] == ("defect", True)
