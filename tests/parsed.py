"""HTML taken apart, for tests of what a page holds."""

from collections import Counter
from html.parser import HTMLParser

VOID = {"meta", "input", "link", "img", "br", "hr", "col"}


class Page(HTMLParser):
    """Elements, text and errors of nesting, as a browser would meet them."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.texts, self.misnested = [], [], [], []
        self.feed(text)
        self.misnested += self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.misnested.append(tag)

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def inside(self, tag):
        return [text for parent, text in self.texts if parent == tag]

    def attributes(self, name):
        return [attrs[name] for _, attrs in self.elements if name in attrs]

    def counts(self):
        return Counter(tag for tag, _ in self.elements)
