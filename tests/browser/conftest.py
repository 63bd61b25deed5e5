"""One browser a module; without one its tests are skipped, with the reason."""

import pytest

from tests.browser.reader import chromium, reader


@pytest.fixture(scope="module")
def visitor(tmp_path_factory):
    """A reader at a desk."""
    if not chromium():
        pytest.skip("no browser: there is no Chromium here, and KIT_CHROMIUM names none")
    with reader(tmp_path_factory.mktemp("profile")) as visiting:
        yield visiting
