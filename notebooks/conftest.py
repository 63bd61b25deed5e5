"""For `pytest --nbval notebooks`: stderr is not compared, and a notebook whose needs are not met is skipped with why."""

import pytest

from kit.notebooks.manifest import load_manifest, unmet_needs
from kit.settings import load_settings


def pytest_collectstart(collector):
    """nbval's own hook for this: a warning that a new release adds must not fail a notebook; `kit tour` reports it."""
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("stderr",)


def pytest_collection_modifyitems(items):
    """As in `kit tour`: what cannot run here is listed with the reason."""
    settings = load_settings()
    reasons = {
        notebook.path: unmet_needs(notebook, settings) for notebook in load_manifest().notebooks
    }
    for item in items:
        if why := reasons.get(item.path):
            item.add_marker(pytest.mark.skip(reason="; ".join(why)))
