"""Text of the model as it comes: nothing is written before it is known to stay."""

import re

from rich.cells import cell_len

from dashdoc.cli.terminal import Terminal


class Prose:
    """Writes pieces of text; on a terminal, lines break between words.

    White space waits for what follows it, so that what stands behind the text goes right to its
    end; on a terminal a word waits for its end, too. `--json` writes nothing.
    """

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._width = terminal.width
        self._held = ""
        self._column = 0

    def write(self, piece: str) -> None:
        text = self._held + piece
        # Up to the last end of a word, or with pipes to the last character of one.
        ended = re.match(r".*\S(?=\s)" if self._width else r".*\S", text, re.DOTALL)
        cut = ended.end() if ended else 0
        self._held = text[cut:]
        self._put(text[:cut])

    def end(self, behind: str = "") -> None:
        """Write what waits, what stands behind the text, and the end of the line."""
        self._put(self._held.rstrip())
        self._held = ""
        self._put(behind, whole=True)
        self._put("\n")

    def _put(self, text: str, *, whole: bool = False) -> None:
        """Write text whose words, or which as a whole, must not be broken."""
        if self._terminal.format != "text":
            return
        if self._width is None:
            self._terminal.write(text)
            return
        for space, word in re.findall(r"(\s*)(.+)" if whole else r"(\s*)(\S+|$)", text):
            if "\n" in space:
                self._column = 0
            gap = space.rpartition("\n")[2]
            if word and self._column and self._column + len(gap) + cell_len(word) > self._width:
                space, gap, self._column = "\n", "", 0
            self._column += len(gap) + cell_len(word)
            self._terminal.write(space + word)
