"""What keeps people out of a page who cannot see, hear or use a mouse, or whom movement makes ill.

axe-core looks for most of it; whether keys alone lead everywhere, and are seen to, is tried by Tab.
"""

from collections.abc import Sequence
from typing import Any

import pytest
from playwright.sync_api import Page

from grading.places import KIT
from tests.browsing import browsing

AXE = KIT / "build" / "axe" / "package" / "axe.min.js"
GRAVE = ("serious", "critical")

# What Tab should stop at: of a group of radio buttons one, and nothing of what is not shown.
STOPS = """() => {
    const stops = [...document.querySelectorAll(
        'a[href], button, input, select, textarea, summary, [tabindex]'
    )].filter(one =>
        !one.disabled && one.tabIndex >= 0 && one.type !== 'hidden'
        && one.checkVisibility({visibilityProperty: true})
        && !(one.type === 'radio' && [...document.getElementsByName(one.name)]
            .some(other => other !== one && (other.checked || (!one.checked
                && other.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING))))
    );
    window.left = new Set(stops);
    window.unseen = [];
    return stops.length;
}"""
# Whether the one that has the focus now looks otherwise than without it.
STEP = """() => {
    const one = document.activeElement;
    const look = () => {
        const style = getComputedStyle(one);
        return [style.outlineStyle === 'none' ? '' : style.outlineWidth + style.outlineColor,
            style.boxShadow, style.borderColor, style.backgroundColor].join();
    };
    if (!window.left.delete(one)) return;
    const focused = look();
    one.blur();
    if (look() === focused) window.unseen.push(one.outerHTML.slice(0, 120));
    one.focus({preventScroll: true, focusVisible: true});
}"""
MOVING = """() => [...document.querySelectorAll('*')].filter(one => {
    const style = getComputedStyle(one);
    return parseFloat(style.transitionDuration) > 0
        || (style.animationName !== 'none' && parseFloat(style.animationDuration) > 0);
}).map(one => one.outerHTML.slice(0, 120))"""


def axed(test: Any) -> Any:
    """Mark a test that has axe-core look at pages in a browser."""
    return browsing(pytest.mark.skipif(not AXE.is_file(), reason="no axe-core: sh .ci/axe")(test))


def findings(page: Page, parts: Sequence[str] = (), rules: Sequence[str] = ()) -> list[str]:
    """Return one line for each grave thing that axe-core finds in an open page.

    Parameters
    ----------
    page
    parts, rules : sequence of str
        The selectors and the rules that are left out, as somebody else answers for them.
    """
    page.wait_for_load_state()
    unfold(page)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate(
        "([parts, off]) => axe.run({exclude: parts}, {rules: off})",
        [[[part] for part in parts], {rule: {"enabled": False} for rule in rules}],
    )
    return [
        f"{one['id']}: {node['html'][:200]}"
        for one in found["violations"]
        if one["impact"] in GRAVE
        for node in one["nodes"]
    ]


def out_of_reach(page: Page) -> list[str]:
    """Return one line for each thing that Tab does not lead to, or does not seem to."""
    unfold(page)
    for _ in range(page.evaluate(STOPS) + 2):
        page.keyboard.press("Tab")
        page.evaluate(STEP)
    missed = page.evaluate("[...window.left].map(one => one.outerHTML.slice(0, 120))")
    return [f"never reached: {one}" for one in missed] + [
        f"looks the same: {one}" for one in page.evaluate("window.unseen")
    ]


def moving(page: Page) -> list[str]:
    """Return what of a page moves by itself or as it changes."""
    found: list[str] = page.evaluate(MOVING)
    return found


def unfold(page: Page) -> None:
    """Open all that is folded."""
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
