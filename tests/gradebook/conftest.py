"""A browser, and a page in it, for the tests that look at pages."""

from tests.browsing import browser, page

__all__ = ["browser", "page"]
