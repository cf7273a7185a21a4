"""From bytes to a `Document`: PDF, plain text and Markdown, with the true number of every page."""

from dashdoc.documents.document import Document, Page
from dashdoc.documents.folders import find_documents
from dashdoc.documents.quotes import Place, QuoteIndex, locate
from dashdoc.documents.reading import read_document

__all__ = [
    "Document",
    "Page",
    "Place",
    "QuoteIndex",
    "find_documents",
    "locate",
    "read_document",
]
