"""PDFs for the tests: by reportlab, by pypdf's writer, and written byte by byte."""

import io
import zlib
from collections.abc import Mapping, Sequence

from PIL import Image
from pypdf import PdfReader, PdfWriter
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

CATALOG = b"<< /Type /Catalog /Pages 2 0 R >>"
FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"


def drawn(pages: Sequence[Sequence[str]], *, compress: bool = True) -> bytes:
    """A PDF by reportlab: for each page its lines, from the top down."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, pageCompression=int(compress), invariant=True)
    for lines in pages:
        cursor = canvas.beginText(72, 770)
        for line in lines:
            cursor.textLine(line)
        canvas.drawText(cursor)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def numbered(count: int) -> bytes:
    """`count` pages by reportlab, each with a sentence of its own."""
    return drawn([[f"The {word} page tells of {word} things."] for word in WORDS[:count]])


WORDS = (
    "amber birch cedar daisy elder fennel ginger hazel iris juniper kelp laurel mango nettle "
    "olive poppy quince rowan sorrel thyme umbra violet willow xeric yarrow zinnia"
).split()


def two_columns(left: Sequence[str], right: Sequence[str]) -> bytes:
    """One page set in two columns."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=True)
    for x, lines in ((72, left), (320, right)):
        cursor = canvas.beginText(x, 770)
        for line in lines:
            cursor.textLine(line)
        canvas.drawText(cursor)
    canvas.showPage()
    canvas.save()
    return out.getvalue()


def scanned(images: int, texts: Sequence[str] = ()) -> bytes:
    """Pages that hold nothing but a picture, then pages of text."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=True)
    for _ in range(images):
        canvas.drawInlineImage(Image.new("L", (8, 8), 128), 0, 0, 595, 842)
        canvas.showPage()
    for text in texts:
        canvas.drawString(72, 770, text)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def rewritten(
    data: bytes,
    *,
    rotate: int = 0,
    labels: Sequence[tuple[int, int, str, str | None]] = (),
    encrypt: Mapping[str, str] | None = None,
) -> bytes:
    """The PDF through pypdf's writer, changed on the way.

    `labels` are first and last page index, style and prefix; `encrypt` is what the writer's method
    of that name takes.
    """
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(data)))
    for page in writer.pages:
        page.rotate(rotate)
    for first, last, style, prefix in labels:
        writer.set_page_label(first, last, style=style, prefix=prefix)
    if encrypt is not None:
        writer.encrypt(**encrypt)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def raw(objects: Mapping[int, bytes], *, trailer: bytes = b"") -> bytes:
    """A PDF with a cross-reference table around hand-written objects; object 1 is the catalog."""
    out = bytearray(b"%PDF-1.4\n")
    offsets = {}
    for number, body in objects.items():
        offsets[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    size = max(objects) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n" % size
    for number in range(1, size):
        in_use = number in offsets
        out += b"%010d %05d %s \n" % (
            offsets.get(number, 0),
            0 if in_use else 65535,
            b"n" if in_use else b"f",
        )
    out += b"trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (
        size,
        trailer,
        start,
    )
    return bytes(out)


def stream(content: bytes, entries: bytes = b"") -> bytes:
    """A stream object's body."""
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(content), entries, content)


def shown(text: str) -> bytes:
    """A content stream that shows one line."""
    return b"BT /F1 12 Tf 72 720 Td (%s) Tj ET" % text.encode("latin-1")


def with_contents(
    contents: Sequence[bytes], extra: Mapping[int, bytes] | None = None, *, without: int = 0
) -> bytes:
    """A hand-written PDF with one page for each stream body.

    Objects of `extra` come on top, object `without` is left out. Page `i` is object
    `10 + 2 * i`, its contents the object after it; its resources are object 3.
    """
    kids = b" ".join(b"%d 0 R" % (10 + 2 * i) for i in range(len(contents)))
    objects = {
        1: CATALOG,
        2: b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(contents)),
        3: b"<< /Font << /F1 4 0 R >> >>",
        4: FONT,
    }
    for i, body in enumerate(contents):
        objects[10 + 2 * i] = (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources 3 0 R "
            b"/Contents %d 0 R >>" % (11 + 2 * i)
        )
        objects[11 + 2 * i] = body
    objects |= extra or {}
    return raw({number: body for number, body in objects.items() if number != without})


def hand_written(texts: Sequence[str]) -> bytes:
    """The least a PDF with these pages can be."""
    return with_contents([stream(shown(text)) for text in texts])


def with_object_streams(text: str) -> bytes:
    """A PDF 1.5 whose objects lie in an object stream behind a cross-reference stream."""
    packed = {
        1: CATALOG,
        2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        3: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] "
        b"/Resources << /Font << /F1 4 0 R >> >> /Contents 5 0 R >>",
        4: FONT,
    }
    index, body = b"", b""
    for number, content in packed.items():
        index += b"%d %d " % (number, len(body))
        body += content + b" "
    out = bytearray(b"%PDF-1.5\n")
    offsets = {}
    bodies = {
        5: stream(shown(text)),
        6: stream(
            zlib.compress(index + body),
            b"/Type /ObjStm /N %d /First %d /Filter /FlateDecode" % (len(packed), len(index)),
        ),
    }
    for number, content in bodies.items():
        offsets[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(out)
    rows = [(0, 0, 255), *((2, 6, i) for i in range(4))]
    rows += [(1, offsets[5], 0), (1, offsets[6], 0), (1, start, 0)]
    table = b"".join(
        bytes([kind]) + place.to_bytes(4, "big") + bytes([last]) for kind, place, last in rows
    )
    entries = b"/Type /XRef /Size 8 /W [1 4 1] /Root 1 0 R /Filter /FlateDecode"
    out += b"7 0 obj\n%s\nendobj\n" % stream(zlib.compress(table), entries)
    out += b"startxref\n%d\n%%%%EOF\n" % start
    return bytes(out)


def without_spaces(lines: Sequence[str]) -> bytes:
    """One page as TeX sets it: words apart by a quarter of the type size, no space in the font.

    At the code of the space lies a wide letter instead.
    """
    widths = b" ".join(b"%d" % (900 if code == 32 else 500) for code in range(32, 127))
    font = (
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Mill /FirstChar 32 /LastChar 126 "
        b"/Widths [%s] /FontDescriptor 5 0 R >>" % widths
    )
    descriptor = b"<< /Type /FontDescriptor /FontName /Mill /Flags 4 >>"
    content = b"BT /F1 10 Tf 72 720 Td 12 TL\n"
    for line in lines:
        words = b" -250 ".join(b"(%s)" % word.encode("latin-1") for word in line.split())
        content += b"[%s] TJ T*\n" % words
    return with_contents([stream(content + b"ET")], {4: font, 5: descriptor})


def with_form(text: str) -> bytes:
    """One page that shows its text by way of a form, which leaves the fonts to the page."""
    form = stream(shown(text), b"/Type /XObject /Subtype /Form /BBox [0 0 612 792]")
    resources = b"<< /Font << /F1 4 0 R >> /XObject << /A 50 0 R >> >>"
    return with_contents([stream(b"/A Do")], {3: resources, 50: form})


def with_ligatures(codes: bytes) -> bytes:
    """One page in a font whose codes 1, 2, 3 are the glyphs fi, fl and ffi, and 4 a soft hyphen."""
    mapping = (
        b"/CIDInit /ProcSet findresource begin begincmap\n"
        b"1 begincodespacerange <00> <FF> endcodespacerange\n"
        b"4 beginbfchar <01> <FB01> <02> <FB02> <03> <FB03> <04> <00AD> endbfchar\n"
        b"1 beginbfrange <20> <7E> <0020> endbfrange\nendcmap end"
    )
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 5 0 R >>"
    body = stream(b"BT /F1 12 Tf 72 720 Td (%s) Tj ET" % codes)
    return with_contents([body], {4: font, 5: stream(mapping)})


def with_glyph_names(names: Sequence[str]) -> bytes:
    """One page in a font that names its glyphs, and does not say what they mean."""
    listed = " ".join(f"/{name}" for name in names).encode()
    font = (
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Nameless "
        b"/Encoding << /Type /Encoding /Differences [33 %s] >> >>" % listed
    )
    codes = bytes(range(33, 33 + len(names))).hex().encode()
    return with_contents([stream(b"BT /F1 12 Tf 72 720 Td <%s> Tj ET" % codes)], {4: font})


def bomb(size: int) -> bytes:
    """A small content stream that inflates to `size` bytes."""
    squeezed = zlib.compressobj(9)
    block = b" " * 1_000_000
    data = b"".join(squeezed.compress(block) for _ in range(size // len(block)))
    return stream(data + squeezed.flush(), b"/Filter /FlateDecode")


def slow(operations: int = 400_000) -> bytes:
    """A content stream that takes many seconds to read, though each operation is legal."""
    work = b"1 0 0 1 5 5 cm BT /F1 9 Tf (a) Tj ET\n" * operations
    return stream(zlib.compress(work), b"/Filter /FlateDecode")
