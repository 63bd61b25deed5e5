"""A guard around a vector store of langchain-milvus: nothing is dropped in silence."""

from kit.milvus.strict.store import strict as strict
