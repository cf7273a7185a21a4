"""Typeset `state-department-homes.txt` as the example PDF, the same bytes every time.

    python examples/typeset.py

The text is plain: `# ` opens a chapter, the line below it dates the chapter, `> ` sets a quotation
and a blank line ends a paragraph.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_CENTER, TA_JUSTIFY
from reportlab.lib.pagesizes import A5
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    HRFlowable,
    NextPageTemplate,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
)
from reportlab.platypus.tableofcontents import TableOfContents

HERE = Path(__file__).resolve().parent
TEXT = HERE / "state-department-homes.txt"

TITLE = "The Homes of the Department of State"
SUBTITLE = "Its first buildings in Washington, 1800–1866"
AUTHOR = "Office of the Historian, United States Department of State"
SOURCE = (
    "The text is the first six Washington chapters of <i>Buildings of the Department of "
    "State</i>, published by the Office of the Historian at history.state.gov. A work of the "
    "United States Government, it is in the public domain."
)

WIDTH, HEIGHT = A5
MARGIN_X, MARGIN_TOP, MARGIN_BOTTOM = 18.5 * mm, 22 * mm, 17 * mm
INK, RULE, ACCENT = HexColor("#1c1b1a"), HexColor("#b9b2a6"), HexColor("#6d2f25")


def _style(name: str, size: float, leading: float, **more: object) -> ParagraphStyle:
    given = {"fontName": "Times-Roman", "textColor": INK, **more}
    return ParagraphStyle(name, fontSize=size, leading=leading, **given)


BODY = _style(
    "body", 10.5, 14, alignment=TA_JUSTIFY, firstLineIndent=12, allowWidows=0, allowOrphans=0
)
FIRST = ParagraphStyle("first", BODY, firstLineIndent=0)
QUOTE = ParagraphStyle(
    "quote",
    FIRST,
    fontSize=9.8,
    leading=13,
    leftIndent=14,
    rightIndent=10,
    spaceBefore=4,
    spaceAfter=4,
)
CHAPTER = _style("chapter", 19, 23, fontName="Times-Bold", spaceAfter=4, textColor=ACCENT)
DATES = _style("dates", 11.5, 15, fontName="Times-Italic", spaceAfter=3)
HEADING = _style("heading", 15, 19, fontName="Times-Bold", spaceAfter=12, textColor=ACCENT)
ENTRY = _style("entry", 10.5, 18)
COVER_TITLE = _style("title", 29, 34, fontName="Times-Bold", alignment=TA_CENTER, textColor=ACCENT)
COVER_LINE = _style("line", 13, 18, fontName="Times-Italic", alignment=TA_CENTER)
COVER_NOTE = _style("note", 9.5, 13.5, alignment=TA_CENTER)


@dataclass(frozen=True)
class Chapter:
    """One chapter of the text: its heading, its dates if it has any, its paragraphs."""

    heading: str
    dates: str
    paragraphs: tuple[str, ...]


class Book(BaseDocTemplate):
    """An A5 book: a bare cover, then pages with the chapter above and the number below."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            str(path), pagesize=A5, title=TITLE, author=AUTHOR, subject=SUBTITLE, invariant=1
        )
        frame = Frame(
            MARGIN_X,
            MARGIN_BOTTOM,
            WIDTH - 2 * MARGIN_X,
            HEIGHT - MARGIN_TOP - MARGIN_BOTTOM,
            *(0, 0, 0, 0),
        )
        self.chapter = ""
        self.addPageTemplates(
            [
                PageTemplate("cover", [frame]),
                PageTemplate("page", [frame], onPageEnd=self.furnish),
            ]
        )

    def beforeDocument(self) -> None:  # noqa: N802
        self.chapter = ""

    def afterFlowable(self, flowable: Flowable) -> None:  # noqa: N802
        """Note a chapter's heading for the contents, the outline and the running header."""
        if getattr(flowable, "style", None) in (CHAPTER, HEADING):
            self.chapter = flowable.getPlainText()
        if getattr(flowable, "style", None) is CHAPTER:
            key = f"page-{self.page}"
            self.canv.bookmarkPage(key)
            self.canv.addOutlineEntry(self.chapter, key)
            self.notify("TOCEntry", (0, escape(self.chapter), self.page, key))

    def furnish(self, canvas: Canvas, _: BaseDocTemplate) -> None:
        """Draw the running header, its rule and the page number."""
        canvas.saveState()
        top = HEIGHT - MARGIN_TOP + 7 * mm
        canvas.setFillColor(INK)
        canvas.setFont("Times-Italic", 8.5)
        if self.page % 2:
            canvas.drawRightString(WIDTH - MARGIN_X, top, self.chapter)
        else:
            canvas.drawString(MARGIN_X, top, TITLE)
        canvas.setStrokeColor(RULE)
        canvas.setLineWidth(0.5)
        canvas.line(MARGIN_X, top - 2 * mm, WIDTH - MARGIN_X, top - 2 * mm)
        canvas.setFont("Times-Roman", 9.5)
        canvas.drawCentredString(WIDTH / 2, MARGIN_BOTTOM - 8 * mm, str(self.page))
        canvas.restoreState()


def chapters(text: str) -> list[Chapter]:
    """The chapters of the text."""
    found = []
    for part in text.removeprefix("# ").split("\n# "):
        head, *paragraphs = part.strip().split("\n\n")
        heading, _, dates = head.partition("\n")
        found.append(Chapter(heading, dates, tuple(paragraphs)))
    return found


def cover() -> list[Flowable]:
    """The title page, with the source named."""
    return [
        Spacer(0, 42 * mm),
        Paragraph(TITLE, COVER_TITLE),
        Spacer(0, 7 * mm),
        HRFlowable(width="30%", thickness=0.8, color=RULE),
        Spacer(0, 5 * mm),
        Paragraph(SUBTITLE, COVER_LINE),
        Spacer(0, 56 * mm),
        Paragraph(AUTHOR, COVER_NOTE),
        Spacer(0, 3 * mm),
        Paragraph(SOURCE, COVER_NOTE),
        NextPageTemplate("page"),
        PageBreak(),
    ]


def contents() -> list[Flowable]:
    """The table of contents."""
    table = TableOfContents(dotsMinLevel=0, levelStyles=[ENTRY])
    return [Paragraph("Contents", HEADING), table]


def body(chapter: Chapter) -> list[Flowable]:
    """A chapter from the top of a page."""
    flowables: list[Flowable] = [PageBreak(), Paragraph(escape(chapter.heading), CHAPTER)]
    if chapter.dates:
        flowables.append(Paragraph(escape(chapter.dates), DATES))
    rule = HRFlowable(width="100%", thickness=0.5, color=RULE, spaceBefore=3, spaceAfter=8)
    flowables.append(rule)
    style = FIRST
    for paragraph in chapter.paragraphs:
        if paragraph.startswith("> "):
            flowables.append(Paragraph(escape(paragraph[2:]), QUOTE))
            style = FIRST
        else:
            flowables.append(Paragraph(escape(paragraph), style))
            style = BODY
    return flowables


def main() -> None:
    parser = argparse.ArgumentParser(description="Typeset the example PDF.")
    parser.add_argument("--out", type=Path, default=TEXT.with_suffix(".pdf"))
    out = parser.parse_args().out
    parts = [body(chapter) for chapter in chapters(TEXT.read_text(encoding="utf-8"))]
    book = Book(out)
    book.multiBuild([*cover(), *contents(), *(flowable for part in parts for flowable in part)])
    print(f"{out}: {book.page} pages, {out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
