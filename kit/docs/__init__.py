"""Docs regression: run a page's code as written, try its claims, and hold both against its ledger of known defects.

These names are all that a notebook or another program imports; each is loaded when it is first asked for.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
