"""For `pytest --nbval notebooks`: what cells write to stderr is not compared; `kit tour` reports it."""


def pytest_collectstart(collector):
    """nbval's own hook for this: a warning that a new release adds must not fail a notebook."""
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("stderr",)
