"""All that the bench takes from ragas: its metrics, a faster text similarity, and the judge in the shape it asks for.

Imports ragas, so import it late; a successor of ragas fits in here alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from langchain_core.exceptions import OutputParserException
from langchain_core.output_parsers import PydanticOutputParser
from pydantic import BaseModel
from ragas.dataset_schema import SingleTurnSample
from ragas.embeddings.base import BaseRagasEmbedding
from ragas.llms.base import InstructorBaseRagasLLM
from ragas.metrics import collections as judged_metrics
from ragas.metrics._context_precision import IDBasedContextPrecision, NonLLMContextPrecisionWithReference
from ragas.metrics._context_recall import IDBasedContextRecall, NonLLMContextRecall
from ragas.metrics._string import NonLLMStringSimilarity
from rapidfuzz.distance import Levenshtein

from kit.bench.measures.judge_model import Judge, JudgeError, in_a_loop
from kit.models.embeddings import load_embeddings

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

THRESHOLD = 0.5  # from which ragas' non-LLM context metrics take two texts as alike


class TextSimilarity(NonLLMStringSimilarity):
    """As ragas' own from `THRESHOLD` upwards; below it 0, which those metrics cannot tell from the true value.

    Precision and recall ask for the same pairs, so each is compared once; and without the callbacks and time-outs
    that ragas wraps round every comparison.
    """

    async def single_turn_ascore(self, sample: SingleTurnSample, callbacks: Any = None, timeout: Any = None) -> float:
        """The similarity of the sample's reference and response, from 0 to 1."""
        del callbacks, timeout
        return _alike(*sorted((sample.reference or "", sample.response or "")))


@lru_cache(maxsize=50_000)
def _alike(one: str, other: str) -> float:
    return 1 - Levenshtein.normalized_distance(one, other, score_cutoff=THRESHOLD)


def context_metrics(with_texts: bool) -> dict[str, Any]:
    """ragas' context precision and recall by ids, and by likeness of texts where there are texts: name -> metric."""
    metrics: dict[str, Any] = {
        "ragas-ID-precision": IDBasedContextPrecision(),
        "ragas-ID-recall": IDBasedContextRecall(),
    }
    if with_texts:
        alike = TextSimilarity()
        metrics["ragas-text-precision"] = NonLLMContextPrecisionWithReference(distance_measure=alike)
        metrics["ragas-text-recall"] = NonLLMContextRecall(_distance_measure=alike)
    return metrics


def sample(
    hits: Sequence[str], relevant: Sequence[str], texts: tuple[Sequence[str], Sequence[str]] | None
) -> SingleTurnSample:
    """A query as ragas takes it: ids of hits and of relevant documents, and the texts of both."""
    row = SingleTurnSample(retrieved_context_ids=list(hits), reference_context_ids=list(relevant))
    if texts is not None:
        row.retrieved_contexts, row.reference_contexts = list(texts[0]), list(texts[1])
    return row


class JudgeMetrics:
    """ragas' metrics that a chat model judges."""

    def __init__(self, judge: Judge):
        llm = JudgeLLM(judge)
        self.precision = judged_metrics.ContextPrecisionWithReference(llm=llm)
        self.recall = judged_metrics.ContextRecall(llm=llm)
        self.faithfulness = judged_metrics.Faithfulness(llm=llm)
        self.correctness = judged_metrics.FactualCorrectness(llm=llm)
        # At temperature 0 the same prompt has one answer: asking three times, as ragas does, would only cost more.
        self.relevancy = judged_metrics.AnswerRelevancy(llm=llm, embeddings=KitEmbedding(), strictness=1)


Answer = TypeVar("Answer", bound=BaseModel)


class JudgeLLM(InstructorBaseRagasLLM):
    """Asks the judge for JSON; ragas' prompts hold the schema, so any chat model will do, without tool calls."""

    def __init__(self, judge: Judge):
        self._judge = judge

    async def agenerate(self, prompt: str, response_model: type[Answer]) -> Answer:
        """The answer, parsed; a wrong one is sent back once with what is wrong, then JudgeError."""
        parser = PydanticOutputParser(pydantic_object=response_model)
        said = await self._judge.ask(prompt)
        try:
            return parser.parse(said)
        except OutputParserException as error:
            again = (
                f"{prompt}\n\nYour last answer was:\n{said}\n\nIt cannot be read: {error}\nAnswer with the JSON alone."
            )
        try:
            return parser.parse(await self._judge.ask(again))
        except OutputParserException as error:
            raise JudgeError(f"{self._judge.name} gave no {response_model.__name__}: {error}") from None

    def generate(self, prompt: str, response_model: type[Answer]) -> Answer:
        """As `agenerate`, for callers that do not await."""
        return in_a_loop(self.agenerate(prompt, response_model))


class KitEmbedding(BaseRagasEmbedding):
    """The embeddings that KIT_EMBEDDINGS names, with the kit's cache."""

    @cached_property
    def _embeddings(self) -> Embeddings:
        return load_embeddings()

    def embed_text(self, text: str, **kwargs: Any) -> list[float]:
        """The vector of one text."""
        del kwargs
        return self._embeddings.embed_query(text)

    async def aembed_text(self, text: str, **kwargs: Any) -> list[float]:
        """The vector of one text, computed beside the event loop."""
        return await asyncio.to_thread(self.embed_text, text, **kwargs)
