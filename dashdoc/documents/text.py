"""Plain text and Markdown: bytes of any encoding to text, line for line as in the file."""

import codecs

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
    if data.count(0) > _MOST_ZEROS * len(data):
        raise _binary(name)
    try:
        return data.decode("utf-8"), []
    except UnicodeDecodeError:
        if 0 in data:
            raise _binary(name) from None
    if _is_damaged_utf8(data):
        return _decode_as("utf-8", data, name)
    guess = _guess(data)
    if guess is None:
        raise _binary(name)
    text, notices = _decode_as(guess, data, name)
    return text, [
        f"{name} is not UTF-8 and was read as {guess}, which is a guess. If letters look wrong, "
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


def _is_damaged_utf8(data: bytes) -> bool:
    """Whether ten characters beyond ASCII are valid UTF-8 for one that is not."""
    text = data.decode("utf-8", errors="replace")
    bad = text.count("\ufffd")
    beyond_ascii = sum(1 for character in text if character > "\x7f") - bad
    return beyond_ascii > 10 * bad


def _guess(data: bytes) -> str | None:
    from charset_normalizer import from_bytes

    best = from_bytes(data[:_SAMPLE]).best()
    return None if best is None else best.encoding


def _binary(name: str) -> InputError:
    return InputError(
        f"{name} holds binary data of an unknown kind. Give a PDF, plain text or Markdown."
    )
