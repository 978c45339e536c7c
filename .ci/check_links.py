"""Check the links inside a built site: every relative one leads to a file, every anchor stands in its page.

What a page needs to be shown, it must bring along: scripts, styles and pictures from elsewhere are refused.

Usage: python .ci/check_links.py FOLDER
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """What a page links to, what it fetches from elsewhere, and which anchors it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what a tag links to, or the anchor it is."""
        for name, value in attrs:
            if value is None:
                continue
            if name == "id" or (tag == "a" and name == "name"):
                self.anchors.add(value)
            elif name in ("href", "src"):
                self.links.append(value)
                if tag != "a" and urlsplit(value).netloc:
                    self.fetched.append(value)


def broken(folder: Path) -> list[str]:
    """Return each broken link, and each fetch from elsewhere, as `page: link`."""
    root = folder.resolve()
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(root.rglob("*.html"))}
    return [
        f"{path.relative_to(root)}: {link}"
        for path, page in pages.items()
        for link in dict.fromkeys(page.links)
        if link in page.fetched or not leads_somewhere(link, path, pages)
    ]


def leads_somewhere(link: str, path: Path, pages: dict[Path, Page]) -> bool:
    """Return whether a link leaves the site, or leads to a file and anchor in it."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return True
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    anchor = unquote(parts.fragment)
    return target.is_file() and (not anchor or target not in pages or anchor in pages[target].anchors)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    found = broken(folder)
    if not (folder / "index.html").is_file():
        sys.exit(f"{folder} holds no site: index.html is missing")
    if found:
        sys.exit("broken links:\n" + "\n".join(found))
    print("no broken link")
