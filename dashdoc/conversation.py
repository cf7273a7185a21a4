"""Questions over one reading that build on one another."""

from dashdoc.answer_stream import AnswerStream
from dashdoc.errors import DoesNotFitError
from dashdoc.prompts import ASK, ChatFrame
from dashdoc.session import MAX_TOKENS, Session


class Conversation:
    """Asks each question behind the earlier questions and answers, which stay in the cache.

    `turns` is the number of them. Where another turn would not fit, the cache is rewound to the
    documents and all are forgotten; the documents are never read again. A conversation has its
    session to itself: what is asked there meanwhile overwrites its turns.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self._frame = ChatFrame(session.model.tokenizer)
        self._asked: AnswerStream | None = None
        self.forget()

    @property
    def turns(self) -> int:
        self._keep()
        return self._turns

    def forget(self) -> None:
        """Start over behind the documents."""
        self._turns = 0
        self._start = (self.session.reading or self.session.read()).tokens
        self._lead: list[int] = []  # ids between the first `_start` in the cache and a question
        self._asked = None

    def stream(self, question: str, *, max_tokens: int = MAX_TOKENS) -> AnswerStream:
        """Ask; iterate over the result for pieces of text, then take its `answer`.

        A question whose answer was not finished is no turn: the next one takes its place.

        Raises:
            DoesNotFitError: the question alone is longer than the room beside the documents.
        """
        self._keep()
        request = self._frame.request(ASK.format(question=question))
        room = self.session.context - self.session.tokens
        if len(request) > room:
            raise DoesNotFitError(
                f"The question has {len(request):,} tokens, but memory holds {max(room, 0):,} "
                "beside the documents. Ask a shorter one.",
                tokens=len(request),
                limit=max(room, 0),
            )
        if self._turns and not self._fits(len(request) + max_tokens):
            self.forget()
        self._asked = AnswerStream(
            self.session, question, self._lead + request, max_tokens, self._start
        )
        return self._asked

    def _keep(self) -> None:
        """Make the last question and its answer a turn, if there is an answer."""
        if self._asked and (answer := self._asked.answer):
            # The last token of an answer was perhaps not given back to the model: it goes again.
            held = max(answer.tokens - 1, 0)
            self._start = answer.prompt_tokens + held
            self._lead = self._asked.ids[held:] + self._frame.between
            self._turns += 1
            self._asked = None

    def _fits(self, tokens: int) -> bool:
        """Whether a turn of so many tokens fits into memory, and into the trained length.

        Documents that go beyond the trained length by themselves are bounded by memory only.
        """
        limit, trained = self.session.context, self.session.model.trained_tokens
        if self.session.tokens + tokens <= trained:
            limit = min(limit, trained)
        return self._start + len(self._lead) + tokens <= limit
