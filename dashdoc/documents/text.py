"""Plain text and Markdown: bytes of any encoding to text, line for line as in the file."""

import codecs
import contextlib
import unicodedata

from dashdoc.documents.characters import plain_line_ends, without_controls
from dashdoc.errors import InputError

# UTF-32 first: its little-endian mark starts with that of UTF-16.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MOST_ZEROS = 0.05  # share of zero bytes; a text may have a stray one, but not many
_SAMPLE = 262_144  # bytes given to the guess; more makes it slower, not better
_WESTERN = "cp1252"
# What old text files are in; left alone, the guess for a few words may be a code of mainframes.
_CANDIDATES = (
    *(_WESTERN, "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258"),
    *("koi8_r", "cp866", "mac_roman", "iso8859_2", "tis_620"),
    *("cp932", "euc_jp", "gb18030", "big5", "cp949"),
)
_FAINT = frozenset({"Cc", "Cn", "Co", "Cs"})  # categories of characters that no text is made of
_MOST_FAINT = 0.01  # share of them; line ends, tabs and form feeds do not count


def read_text(data: bytes, name: str) -> tuple[list[str], list[str]]:
    """Decode a text file and part it at its form feeds.

    Lines are kept as they are, so that a line number means the same here and in the file.

    Returns:
        The pages, one if the text has no form feed, and notices about the encoding.

    Raises:
        InputError: the bytes are no text, or the text is blank.
    """
    decoded, notices = _decode(data, name)
    pages = [without_controls(page) for page in plain_line_ends(decoded).split("\f")]
    # Programs that end every page with a form feed leave nothing behind the last one.
    if len(pages) > 1 and not pages[-1].strip():
        pages.pop()
    if not any(page.strip() for page in pages):
        raise InputError(
            f"{name} holds no text, only blank space. Check that it is the right file."
        )
    return pages, notices


def _decode(data: bytes, name: str) -> tuple[str, list[str]]:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _decode_as(encoding, data, name)
    if data.count(0) <= _MOST_ZEROS * len(data):
        with contextlib.suppress(UnicodeDecodeError):
            return data.decode("utf-8"), []
    if 0 in data:
        return _decode_by_guess(_unmarked_utf16(data), data, name)
    if _is_damaged_utf8(data):
        return _decode_as("utf-8", data, name)
    return _decode_by_guess(_guess(data), data, name)


def _decode_by_guess(encoding: str | None, data: bytes, name: str) -> tuple[str, list[str]]:
    if encoding is None:
        raise InputError(
            f"{name} holds binary data of an unknown kind. Give a PDF, plain text or Markdown."
        )
    text, notices = _decode_as(encoding, data, name)
    return text, [
        f"{name} is not UTF-8 and was read as {encoding}, which is a guess. If letters look wrong, "
        "convert it with `iconv -f ENCODING -t UTF-8` first.",
        *notices,
    ]


def _decode_as(encoding: str, data: bytes, name: str) -> tuple[str, list[str]]:
    text = data.decode(encoding, errors="replace")
    bad = text.count("\ufffd")
    if not bad:
        return text, []
    places = "1 place" if bad == 1 else f"{bad:,} places"
    notice = f"{name} is not valid {encoding.upper()} in {places}, shown as \ufffd in its text."
    return text, [notice]


def _unmarked_utf16(data: bytes) -> str | None:
    """UTF-16 without its mark, told by its spaces and line ends: a zero on one side of each."""
    low, high = data[0::2].count(0), data[1::2].count(0)
    many = max(low, high) > _MOST_ZEROS * len(data) / 2
    if len(data) % 2 or not many or max(low, high) <= 3 * min(low, high):
        return None
    encoding = "utf-16-le" if high > low else "utf-16-be"
    sample = "".join(data[:_SAMPLE].decode(encoding, errors="replace").split())
    faint = sum(1 for character in sample if unicodedata.category(character) in _FAINT)
    return encoding if sample and faint <= _MOST_FAINT * len(sample) else None


def _is_damaged_utf8(data: bytes) -> bool:
    """Whether three characters beyond ASCII are valid UTF-8 for one that is not.

    In any other encoding hardly a pair of letters is.
    """
    text = data.decode("utf-8", errors="replace")
    bad = text.count("\ufffd")
    beyond_ascii = sum(1 for character in text if character > "\x7f") - bad
    return beyond_ascii > 3 * bad


def _guess(data: bytes) -> str | None:
    """The likeliest encoding; of several as likely, that of Western Europe."""
    from charset_normalizer import from_bytes

    matches = list(from_bytes(data[:_SAMPLE], cp_isolation=list(_CANDIDATES)))
    if not matches:
        return None
    best = matches[0]
    as_good = [m for m in matches if (m.chaos, m.coherence) == (best.chaos, best.coherence)]
    encodings = {encoding for match in as_good for encoding in match.could_be_from_charset}
    return _WESTERN if _WESTERN in encodings else best.encoding
