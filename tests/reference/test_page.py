"""The pages: complete, escaped, and in need of nothing from elsewhere."""

import copy
import re
from html.parser import HTMLParser
from typing import Any

from protocol.errors import CLOSES_WITHOUT_ERROR, ErrorCode
from protocol.messages import CLIENT_MESSAGES, SERVER_MESSAGES
from reference.asyncapi import asyncapi_document
from reference.page import html_page, source_of, swagger_page

DOCUMENT = asyncapi_document()
PAGE, POLICY = html_page(DOCUMENT)
EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>|[x](javascript:alert(1))"


class Reader(HTMLParser):
    """Collects what a page is made of.

    Attributes:
        tags: Every tag with its attributes.
        text: All text.
    """

    def __init__(self, page: str):
        """Read ``page``."""
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append((tag, dict(attrs)))
        self.open += [] if tag in ("meta", "link", "br", "img") else [tag]

    def handle_endtag(self, tag: str) -> None:
        """Tags end in the order in which they began."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note text, styles and scripts aside."""
        if not {"style", "script"} & set(self.open):
            self.text += data

    def values(self, name: str) -> list[str]:
        """The values of an attribute, wherever it is."""
        return [value for _, attributes in self.tags if (value := attributes.get(name)) is not None]


READ = Reader(PAGE)


def test_the_page_tells_everything() -> None:
    """Every message, field, error code and close stands there."""
    for name in DOCUMENT["components"]["messages"]:
        assert name in READ.values("id")
    for schema in DOCUMENT["components"]["schemas"].values():
        assert [field for field in schema["properties"] if field not in READ.text] == []
    assert [code for code in ErrorCode if code not in READ.text] == []
    assert [each.close_code for each in CLOSES_WITHOUT_ERROR if str(each.close_code) not in READ.text] == []


def test_who_sends_what_is_told_right() -> None:
    """The client's messages stand under the client's heading, the server's under the server's."""
    ids = READ.values("id")
    client, server, errors = (ids.index(name) for name in ("sent-by-the-client", "sent-by-the-server", "errors"))
    assert set(ids[client + 1 : server]) == {*CLIENT_MESSAGES, "audio_frame"}
    assert set(ids[server + 1 : errors]) == {*SERVER_MESSAGES, "audio_response_frame"}


def test_links_within_the_page_lead_somewhere() -> None:
    """Each anchor exists once."""
    anchors = READ.values("id")
    assert len(anchors) == len(set(anchors))
    inside = {link[1:] for link in READ.values("href") if link.startswith("#")}
    assert inside
    assert inside <= set(anchors)


def test_pages_need_no_other_host() -> None:
    """What they load and link to is relative, so it also works behind a proxy that adds a path."""
    for page, _ in (html_page(DOCUMENT), swagger_page("x")):
        read = Reader(page)
        for link in [*read.values("href"), *read.values("src")]:
            assert re.fullmatch(r"#[\w-]+|data:,|[a-z-]+(/[a-z-]+)*(\.(json|js|css))?", link), link
        assert not re.search(r"url\(|@import|https?://", page)


def test_the_page_has_no_script() -> None:
    """Neither an element nor an attribute runs code."""
    assert "script" not in {tag for tag, _ in READ.tags}
    assert not [name for _, attributes in READ.tags for name in attributes if name.startswith("on")]


def test_policies_allow_no_other_host_and_no_inline_code_but_ours() -> None:
    """What is inline is named by its digest; nothing is allowed that a page does not need."""
    [style] = re.findall(r"<style>(.*?)</style>", PAGE, re.DOTALL)
    assert f"style-src {source_of(style)};" in POLICY
    page, policy = swagger_page("x")
    [script] = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert f"script-src 'self' {source_of(script)};" in policy
    for each in (POLICY, policy):
        assert each.startswith("default-src 'none'; ")
        assert not re.search(r"unsafe|\*|https?:", each)
        assert "frame-ancestors 'none'" in each


def test_a_digest_is_the_one_that_browsers_compute() -> None:
    """The example of the specification (https://www.w3.org/TR/CSP3/, section 8.3)."""
    assert source_of("alert('Hello, world.');") == "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='"


def poisoned(node: Any) -> Any:
    """A copy in which every text that is for people is hostile."""
    if isinstance(node, dict):
        told = {"description", "summary", "title", "when", "advice", "x-sent", "message", "default", "version"}
        return {
            name: EVIL if name in told and isinstance(value, str) else poisoned(value)
            for name, value in node.items()
        }
    return [poisoned(item) for item in node] if isinstance(node, list) else node


def test_everything_is_escaped() -> None:
    """Hostile texts anywhere in the document are shown, and are neither elements nor links that run code."""
    document = poisoned(copy.deepcopy(DOCUMENT))
    document["components"]["messages"]["init"]["examples"] = [{"payload": {"type": EVIL}}]
    document["channels"]["session"]["address"] = EVIL
    document["components"]["messages"]["<b>evil</b>"] = document["components"]["messages"]["audio_frame"]
    page, _ = html_page(document)
    read = Reader(page)
    assert "<script>alert(1)</script>" in read.text
    assert {tag for tag, _ in read.tags} <= {tag for tag, _ in READ.tags}
    assert not [name for _, attributes in read.tags for name in attributes if name.startswith("on")]
    assert not [link for link in read.values("href") if "javascript" in link]
    assert EVIL not in swagger_page(EVIL)[0]
