"""What axe-core finds in a page: who cannot see, hear or use a mouse could not use it."""

from typing import Any

import pytest
from playwright.sync_api import Page

from grading.places import KIT
from tests.browsing import browsing

AXE = KIT / "build" / "axe" / "package" / "axe.min.js"
GRAVE = ("serious", "critical")


def axed(test: Any) -> Any:
    """Mark a test that has axe-core look at pages in a browser."""
    return browsing(pytest.mark.skipif(not AXE.is_file(), reason="no axe-core: sh .ci/axe")(test))


def findings(page: Page) -> list[str]:
    """Return one line for each grave thing that axe-core finds in an open page."""
    page.wait_for_load_state()
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run()")
    return [
        f"{one['id']}: {node['html'][:200]}"
        for one in found["violations"]
        if one["impact"] in GRAVE
        for node in one["nodes"]
    ]
