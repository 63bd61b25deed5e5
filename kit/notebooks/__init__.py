"""The notebooks room: run, compare, lint, update and tour notebooks, the kit's own and anybody's."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
