"""The judge and the kit's embeddings in the shape that ragas' metrics take; imports ragas, so import it late."""

from __future__ import annotations

import asyncio
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from langchain_core.exceptions import OutputParserException
from langchain_core.output_parsers import PydanticOutputParser
from pydantic import BaseModel
from ragas.embeddings.base import BaseRagasEmbedding
from ragas.llms.base import InstructorBaseRagasLLM

from kit.bench.measures.judge_model import Judge, JudgeError
from kit.bench.measures.ragas_scores import in_a_loop
from kit.models.embeddings import load_embeddings

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

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
