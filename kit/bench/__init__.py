"""Retrieval benchmarks: collections, grids, measures, tests and reports; each name is loaded when first asked for.

The names and where they live stand in `__init__.pyi`, which editors and type checkers read.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
