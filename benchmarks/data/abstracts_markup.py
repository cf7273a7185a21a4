"""Markup to plain prose, with the abstract apart from the text that is left to read.

Code, tables, figures, formulas, notes and references are dropped, and so is a paragraph that a
formula stands in. Headings are plain lines, list items start with `- `.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass

# Sections that are no part of what a document says, by the start of their heading.
APPARATUS = re.compile(
    r"(?i)(references?|bibliography|footnotes?|copyright|acknowledge?ments?|credits|licen[cs]e|"
    r"change ?logs?|author|contribut|funding|competing|conflicts? of|supporting information|"
    r"supplementa|test vectors?|table of contents|data availability|appendi)"
)
ABSTRACT = re.compile(r"(?i)(\d+\W+)?(abstract|(section )?summary)\W*$")
# Elements that are dropped, of JATS and of CNXML.
NO_PROSE = frozenset(
    "table-wrap fig disp-formula code preformat ref-list table figure equation exercise media "
    "footnote fn glossary metadata iframe disp-formula-group boxed-text supplementary-material "
    "object-id label tex-math annotation".split()
)
FORMULAS = frozenset("math inline-formula tex-math inline-graphic".split())
# Classes of CNXML sections that explain the text; all others ask, list or refer.
EXPLAINING_NOTES = re.compile(
    r"dig-deeper|everyday|connections|connect-the|world|big-picture|policy"
)
HEADING_MARKDOWN = re.compile(r"(#{1,6})\s+(.*?)\s*#*$")
HEADING_WIKI = re.compile(r"(={1,6})\s*(.*?)\s*\1$")


@dataclass(frozen=True)
class Parts:
    """A document: its title, the abstract, and the text without it."""

    title: str
    abstract: str
    text: str


def from_cnxml(content: str) -> Parts:
    """A section of a textbook, whose summary stands behind it."""
    root = _without_namespaces(content)
    blocks, abstract = list[str](), list[str]()
    for block in root.find("content") or ():
        kind = block.get("class", "")
        if block.tag == "section" and re.search(r"summary", kind):
            abstract += _paragraphs(block)
        elif block.tag != "section" or not kind:
            blocks += _blocks(block)
    return Parts(_line(root.findtext("title") or ""), "\n\n".join(abstract), "\n\n".join(blocks))


def from_jats(content: str) -> Parts:
    """A paper, whose abstract stands before its body or as the first section of it."""
    root = _without_namespaces(content)
    title = root.find(".//article-title")
    abstract = [
        text
        for found in root.findall(".//article-meta/abstract")
        if not found.get("abstract-type")
        for text in _paragraphs(found)
    ]
    blocks: list[str] = []
    for part in root.find("body") or ():
        if ABSTRACT.match(_text(part.find("title"))):
            abstract += _paragraphs(part)
        else:
            blocks += _blocks(part)
    return Parts(_text(title), "\n\n".join(abstract), "\n\n".join(blocks))


def from_markdown(content: str) -> Parts:
    """A proposal with a section that is called its abstract."""
    front = re.match(r"---\n(.*?)\n---\n", content, re.S)
    title = re.search(r"(?m)^title:\s*(.*)$", front[1] if front else "", re.I)
    content = content[front.end() :] if front else content
    content = re.sub(r"(?ms)^ *(```|~~~).*?^ *\1 *$", "", content)
    content = re.sub(r"(?s)<!--.*?-->|<(pre|table|details)\b.*?</\1>|\$\$.*?\$\$", "", content)
    content = re.sub(r"(?m)^(\s*\||\[[^\]]+\]:\s|    \S).*$", "", content)
    content = re.sub(r"!\[[^\]]*\]\([^)]*\)", "", content)
    content = re.sub(r"\[([^\]]+)\](\([^)]*\)|\[[^\]]*\])", r"\1", content)
    content = re.sub(r"<(https?://[^>]+)>|</?[a-zA-Z][^>]*>", r"\1", content)
    content = re.sub(r"(\*\*|__|`)(.+?)\1", r"\2", content)
    content = re.sub(r"(?m)^\s*(?:[*+-]|\d+[.)])\s+(?:\[.\]\s+)?", "- ", content)
    content = re.sub(r"(?<!\w)[*_]([^*_\n]+)[*_](?!\w)|\[\^[^\]]*\]", r"\1", content)
    content = re.sub(r"(?m)^>\s?", "", content)
    return _sectioned(title[1].strip("'\" ") if title else "", content, HEADING_MARKDOWN)


def from_mediawiki(content: str) -> Parts:
    """A proposal with a section that is called its abstract."""
    title = re.search(r"(?m)^\s*Title:\s*(.*)$", content)
    content = re.sub(
        r"(?s)<!--.*?-->|<(pre|source|syntaxhighlight|ref|table|math|code)\b[^>/]*>.*?</\1>"
        r"|<ref[^>]*/>|\{\|.*?\n\|\}",
        lambda found: re.sub(r"<[^>]*>", "", found[0]) if found[1] == "code" else "",
        content,
    )
    content = re.sub(r"\[\[(?:File|Image):[^\]]*\]\]|</?[a-zA-Z][^>]*>|'{2,}", "", content)
    content = re.sub(r"\[\[(?:[^\]|]*\|)?([^\]]+)\]\]", r"\1", content)
    content = re.sub(r"\[\S+?://\S+\s+([^\]]+)\]", r"\1", content)
    content = re.sub(r"(?m)^[*#:;]+\s*", "- ", content)
    content = re.sub(r"(?m)^ .*$", "", content)
    return _sectioned(title[1] if title else "", content, HEADING_WIKI)


def _sectioned(title: str, content: str, heading: re.Pattern[str]) -> Parts:
    """The paragraphs of lines, those under the heading of the abstract apart."""
    blocks, abstract, lines = list[str](), list[str](), list[str]()
    into, left_out = blocks, 0  # level of the section that is left out

    def end_paragraph() -> None:
        if lines and not left_out:
            into.append(_line(" ".join(lines)))
        lines.clear()

    for line in [*content.splitlines(), ""]:
        found = heading.match(line.strip())
        if found:
            end_paragraph()
            level, name = len(found[1]), found[2]
            if left_out and level > left_out:
                continue
            left_out = level if APPARATUS.match(name) else 0
            into = abstract if ABSTRACT.match(name) else blocks
            if into is blocks and not left_out and level > 1:
                blocks.append(_line(name))
            continue
        if not line.strip() or line.startswith("- "):
            end_paragraph()
        if line.strip():
            lines.append(line.strip())
    end_paragraph()
    return Parts(_line(title), "\n\n".join(abstract), _prose(blocks))


def _without_namespaces(content: str) -> ET.Element:
    root = ET.fromstring(re.sub(r"<!DOCTYPE[^>\[]*(\[.*?\])?>", "", content, flags=re.S))
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def _blocks(element: ET.Element) -> Iterator[str]:
    """Headings, paragraphs and list items within an element, in their order."""
    if element.tag in NO_PROSE:
        return
    if element.tag == "note" and not EXPLAINING_NOTES.search(element.get("class", "")):
        return
    if element.tag in ("sec", "section") and APPARATUS.match(_text(element.find("title"))):
        return
    if element.tag in ("p", "para", "title", "item"):
        if not any(part.tag in FORMULAS for part in element.iter()):
            text = _text(element)
            if text:
                yield f"- {text}" if element.tag == "item" else text
        return
    if element.tag == "list-item":
        yield from (f"- {text}" for text in map(_text, element.findall("p")) if text)
        return
    for part in element:
        yield from _blocks(part)


def _paragraphs(element: ET.Element) -> list[str]:
    """The blocks of an element without its headings."""
    for part in element.iter():
        for title in part.findall("title"):
            part.remove(title)
    return list(_blocks(element))


def _text(element: ET.Element | None) -> str:
    """The characters of an element, without those of figures and notes in it."""

    def pieces(part: ET.Element) -> Iterator[str]:
        if part.tag not in NO_PROSE and part.tag != "note":
            yield part.text or ""
            for inner in part:
                yield from pieces(inner)
                yield inner.tail or ""

    return "" if element is None else _line("".join(pieces(element)))


def _line(text: str) -> str:
    """One line of plain spaces, without marks of references."""
    text = re.sub(r"\[[\d,;–\-\s]+\]|\(\s*[;,]*\s*\)", "", text)
    return re.sub(r"\s+(?=[.,;:)])(?![.]\w)|(?<=\()\s+", "", re.sub(r"\s+", " ", text)).strip()


def _prose(blocks: list[str]) -> str:
    """The blocks that hold words, up to the last that is a sentence."""
    kept: list[str] = []
    for block in reversed(blocks):
        if re.search(r"[A-Za-z]{2}", block) and (kept or block[-1] in ".!?:)"):
            kept.append(block)
    return "\n\n".join(reversed(kept))
