"""What a file is, judged by its first bytes."""

PDF_MARK = b"%PDF-"
_PDF_MARK_WITHIN = 1024  # bytes; readers of PDF accept that much in front of the mark
_SAMPLE = 65_536  # bytes looked at to tell text from binary data

_SIGNATURES = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF87a", "a GIF image"),
    (b"GIF89a", "a GIF image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Microsoft Office file (doc, xls or ppt)"),
    (b"{\\rtf", "a Rich Text file (rtf)"),
    (b"%!PS", "a PostScript file"),
    (b"AT&TFORM", "a DjVu file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh91AY&SY", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"(\xb5/\xfd", "a Zstandard archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x7fELF", "a program"),
)
_ZIP_KINDS = (
    (b"word/", "a Word document (docx)"),
    (b"xl/", "an Excel workbook (xlsx)"),
    (b"ppt/", "a PowerPoint presentation (pptx)"),
    (b"application/epub+zip", "an EPUB book"),
    (b"application/vnd.oasis.opendocument", "an OpenDocument file (odt, ods or odp)"),
)
_REMEDIES = (
    ("archive", "Unpack it first"),
    ("image", "Turn it into a PDF with text first, for instance with `ocrmypdf`"),
    ("PostScript", "Turn it into a PDF first with `ps2pdf`"),
    ("document|Office|Rich Text|book|presentation|workbook|DjVu|OpenDocument", "Export it as PDF"),
)


def is_pdf(data: bytes, suffix: str, text_suffixes: frozenset[str]) -> bool:
    """Whether the bytes are meant as a PDF.

    Rubbish in front of the mark is common in PDFs from mail and web servers; but a text file may
    well speak of `%PDF-` on its first page.
    """
    position = data.find(PDF_MARK, 0, _PDF_MARK_WITHIN)
    if position > 0 and suffix in text_suffixes:
        return not data[:position].strip()
    # A PDF that lost its first line can still be repaired by way of its objects.
    return position >= 0 or (suffix == ".pdf" and b" obj" in data and b"endobj" in data)


def foreign_type(data: bytes) -> str | None:
    """What the bytes look like if they are no text, in words that follow "looks like"."""
    if data.startswith(b"PK\x03\x04"):
        for mark, kind in _ZIP_KINDS:
            if mark in data[:_SAMPLE] or mark in data[-_SAMPLE:]:
                return kind
        return "a ZIP archive"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "a WebP image"
    for mark, kind in _SIGNATURES:
        if data.startswith(mark):
            return kind
    return None


def is_web_page(data: bytes) -> bool:
    """Whether the bytes start like HTML."""
    start = data[:_PDF_MARK_WITHIN].lstrip().lower()
    return start.startswith((b"<!doctype html", b"<html"))


def remedy(kind: str) -> str:
    """One thing to try for a file of a kind that `foreign_type` named."""
    for words, advice in _REMEDIES:
        if any(word in kind for word in words.split("|")):
            return advice
    return "Give a PDF, plain text or Markdown"
