"""Notebooks, docs regression tests and retrieval benchmarks for LangChain with Milvus.

The names that notebooks use, each loaded when it is first asked for; where they live stands in `__init__.pyi`, which
editors and type checkers read.
"""

import os
import sys
from typing import Any

import lazy_loader

__version__ = "0.2.0"
_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    try:
        return _load(name)
    except ModuleNotFoundError as error:
        from kit.extras import missing_package

        raise missing_package(error, f"kit.{name}") from None


# Nothing that runs here reports to anyone; ragas reads this when it is imported.
os.environ.setdefault("RAGAS_DO_NOT_TRACK", "true")

if "IPython" in sys.modules:
    from kit.reports.in_notebooks import install

    install()
