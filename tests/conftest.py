"""Fixtures for all tests: a seeded generator, a browser if there is one, no chance at all."""

import os
import shutil

import hypothesis
import numpy as np
import pytest

os.environ["NMFLAB_CACHE"] = "off"  # tests mean what is computed, not what was kept of it

hypothesis.settings.register_profile("ci", derandomize=True, deadline=None)
# The long version draws by chance, and many times as much: see tools/soak.py.
hypothesis.settings.register_profile("soak", deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
SOAK = "_hypothesis_internal_use_settings"

WAITING = ("alone", "browser", "slow")
"""Marks of tests that wait for another process, and may wait too long on a busy machine."""


def pytest_itemcollected(item):
    """Give what waits for others a second chance; in the long version, draw more inputs."""
    if any(map(item.get_closest_marker, WAITING)):
        item.add_marker(pytest.mark.flaky(reruns=1))
    function = getattr(item, "obj", None)
    if os.environ.get("HYPOTHESIS_PROFILE") != "soak" or not hasattr(function, "hypothesis"):
        return
    item.extra_keyword_matches.add("hypothesis_drawn")
    own = getattr(function, SOAK, hypothesis.settings.default)
    if not getattr(function, "is_soaked", False):  # one function has many items
        number = own.max_examples * int(os.environ.get("NMFLAB_SOAK", "20"))
        setattr(function, SOAK, hypothesis.settings(own, max_examples=number))
        function.is_soaked = True


def find_chromium():
    """Return the path of a Chromium, or None."""
    names = [os.environ.get("NMFLAB_CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"]
    return next(filter(None, map(shutil.which, filter(None, names))), None)


def pytest_runtest_setup(item):
    """Skip what needs a browser where there is none, or fail if the run asks for one."""
    if item.get_closest_marker("browser") is None or find_chromium():
        return
    missing = "No Chromium here: install one (Debian: apt install chromium) or set NMFLAB_CHROMIUM."
    if os.environ.get("NMFLAB_REQUIRE_BROWSER") == "1":
        pytest.fail(f"{missing} NMFLAB_REQUIRE_BROWSER=1 asks for it.", pytrace=False)
    pytest.skip(missing)


def pytest_terminal_summary(terminalreporter):
    """Say at the end which JavaScript the browser tests ran, where that was counted."""
    if folder := os.environ.get("NMFLAB_JS_COVERAGE"):
        from support import js_coverage

        terminalreporter.section("JavaScript in the browser")
        terminalreporter.write_line(js_coverage.report(folder))


@pytest.fixture
def rng():
    """Give a random generator that starts the same in every test."""
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def chromium_path():
    """Give the path of Chromium to a test marked ``browser``."""
    return find_chromium()
