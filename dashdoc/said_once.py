"""A summary says a sentence once: where one is said again, it ends before that."""

import re

# A full stop, and what may close behind it, before white space.
_END = re.compile(r"[.!?][\"”’)]*\s+")
# Shorter ones may be said twice: "Yes.", or the end of "No. 5".
_FEWEST_WORDS = 4


class SaidOnce:
    """Hands a text on as it comes, but a sentence that may be one said before only when it is not.

    `repeated` tells that a sentence came again; nothing is handed on from there.
    """

    def __init__(self) -> None:
        self.repeated = False
        self._said = list[str]()
        self._sentence = ""  # the one under way
        self._handed_on = 0  # characters of it

    def hand_on(self, fresh: str) -> str:
        """What may be shown once the text goes on with `fresh`."""
        shown = ""
        self._sentence += fresh
        while not self.repeated and (end := _END.search(self._sentence)):
            told, rest = self._sentence[: end.end()], self._sentence[end.end() :]
            if told.strip() in self._said:
                self.repeated = True
            else:
                shown += told[self._handed_on :]
                if len(told.split()) >= _FEWEST_WORDS:
                    self._said.append(told.strip())
                self._sentence, self._handed_on = rest, 0
        if not self.repeated and not self._may_repeat():
            shown += self._sentence[self._handed_on :]
            self._handed_on = len(self._sentence)
        return shown

    def close(self) -> str:
        """What was held back at the text's end, if it is no sentence said before."""
        if self.repeated or self._sentence.strip() in self._said:
            self.repeated = True
            return ""
        return self._sentence[self._handed_on :]

    def _may_repeat(self) -> bool:
        return any(sentence.startswith(self._sentence.strip()) for sentence in self._said)
