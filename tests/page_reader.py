"""A reader of HTML for tests: what a page says, where it points, and whether its tags match."""

from html.parser import HTMLParser

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Reader(HTMLParser):
    """Read a page: its ids, its addresses, the text under each id, and tags left open or wrong."""

    def __init__(self, page):
        super().__init__()
        self.open, self.ids, self.addresses, self.wrong, self.texts = [], [], [], [], {}
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.ids += [found["id"]] if "id" in found else []
        self.addresses += [found[key] for key in ("href", "src", "action") if key in found]
        if tag not in VOID:
            self.open.append((tag, found.get("id")))

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop()[0] != tag:
            self.wrong.append((tag, self.getpos()))

    def handle_data(self, data):
        for _, name in self.open:
            if name:
                self.texts[name] = " ".join([self.texts.get(name, ""), *data.split()]).strip()
