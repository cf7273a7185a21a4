"""Decoding with drafts from the text is greedy decoding: tokens, endings, cache and counts."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest
import torch
from torch.nn.functional import normalize

from dashdoc.models.generation import Decoding
from dashdoc.models.llama import DashLlamaForCausalLM
from dashdoc.models.lookup import (
    DRAFTED_PER_AGREEING,
    LONGEST_AGREEMENT,
    LONGEST_DRAFT,
    MOST_MISSES,
    Drafts,
    tokens_looked_up,
)
from dashdoc.models.quoting import most_likely
from tests.models.sequences import PROMPT, ROUTINGS, Sequence, assert_same, make, prompt

OTHER = 64  # a token that the prompt lacks
TOKENS = 60


def stretches(ids: list[int], length: int) -> list[int]:
    """A text that holds these tokens in stretches of a length, another token behind each."""
    cut = [[*ids[start : start + length], OTHER] for start in range(0, len(ids), length)]
    return sum(cut, [])


# Texts to quote, made of the tokens that greedy decoding says.
TEXTS: dict[str, Callable[[list[int]], list[int]]] = {
    "right": lambda ids: ids,
    "wrong": lambda ids: stretches(ids, 1),
    "half right": lambda ids: stretches(ids, 5) + stretches(ids[2:], 9),
    "strange": lambda ids: [OTHER] * 20,
}


@pytest.fixture(params=ROUTINGS)
def network(request: pytest.FixtureRequest) -> DashLlamaForCausalLM:
    return make(vocab_size=OTHER + 1, **ROUTINGS[request.param])


@pytest.fixture
def sparse() -> DashLlamaForCausalLM:
    return make(vocab_size=OTHER + 1, scaling_factor=4.0)


def chained(cycle: int) -> DashLlamaForCausalLM:
    """A network in which each token below `cycle` calls the next one, and the last the first."""
    network = make(vocab_size=OTHER + 1)
    for layer in network.model.layers:
        torch.nn.init.zeros_(layer.self_attn.o_proj.weight)
        torch.nn.init.zeros_(layer.mlp.down_proj.weight)
    torch.nn.init.ones_(network.model.norm.weight)
    torch.nn.init.zeros_(network.lm_head.weight)
    with torch.no_grad():
        following = torch.arange(1, cycle + 1) % cycle
        words = network.model.embed_tokens.weight[:cycle]
        network.lm_head.weight[following] = normalize(words)
    return network


def said(network: DashLlamaForCausalLM, tokens: int = TOKENS) -> list[int]:
    """What greedy decoding says after the prompt."""
    return Sequence(network).plainly(tokens)


def looked_up(sequence: Sequence, tokens: int, text: list[int]) -> list[int]:
    return list(
        tokens_looked_up(
            sequence.network, sequence.cache, sequence.logits, tokens, text, sequence.meter
        )
    )


@contextmanager
def watched(network: DashLlamaForCausalLM) -> Iterator[list[int]]:
    """The tokens of each pass through a network meanwhile."""
    passes: list[int] = []
    hook = network.register_forward_pre_hook(lambda _, given: passes.append(given[0].shape[1]))
    yield passes
    hook.remove()


@pytest.mark.parametrize("text", TEXTS)
def test_tokens_cache_and_counts_are_those_of_the_plain_path(
    network: DashLlamaForCausalLM, text: str
) -> None:
    """Over the ends of chunks."""
    plain, other = Sequence(network), Sequence(network)
    expected = plain.plainly(TOKENS)
    assert looked_up(other, TOKENS, TEXTS[text](expected)) == expected
    assert_same(other, plain)


@pytest.mark.parametrize("attempt", range(8))
def test_any_pieces_of_the_answer_in_any_order_give_the_answer(
    sparse: DashLlamaForCausalLM, attempt: int
) -> None:
    plain, other = Sequence(sparse), Sequence(sparse)
    expected = plain.plainly(2 * TOKENS)
    text = []
    for start, length, noise in torch.randint(0, 2 * TOKENS, (30, 3)).tolist():
        text += expected[start : start + length % 40] + prompt(noise % 9)[0].tolist()
    assert looked_up(other, 2 * TOKENS, text) == expected
    assert_same(other, plain)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("taken", [1, 2, 12, 13, 23])
def test_what_was_read_beyond_the_last_token_taken_is_forgotten(
    sparse: DashLlamaForCausalLM, taken: int, text: str
) -> None:
    """Then more is read, and answered."""
    plain, other = Sequence(sparse), Sequence(sparse)
    quoted = TEXTS[text](said(sparse))
    with closing(
        tokens_looked_up(sparse, other.cache, other.logits, TOKENS, quoted, other.meter)
    ) as tokens:
        assert [next(tokens) for _ in range(taken)] == plain.plainly(taken)
    assert_same(other, plain)
    for sequence in (plain, other):
        sequence.read(prompt(9, stride=53))
    assert looked_up(other, 12, quoted) == plain.plainly(12)
    assert_same(other, plain)


def test_the_cache_grows_on_the_way(sparse: DashLlamaForCausalLM) -> None:
    plain, other = Sequence(sparse), Sequence(sparse, room=0)
    capacity = other.cache.capacity
    expected = plain.plainly(TOKENS)
    assert looked_up(other, TOKENS, TEXTS["half right"](expected)) == expected
    assert other.cache.capacity > capacity
    assert_same(other, plain)


@pytest.mark.parametrize("count", [1, 2, 3, 9, 10, 11, 40])
def test_no_more_is_read_than_the_answer_may_have(sparse: DashLlamaForCausalLM, count: int) -> None:
    expected, sequence, held = said(sparse), Sequence(sparse), [PROMPT]
    hook = sparse.register_forward_hook(lambda *_: held.append(sequence.cache.length))
    assert looked_up(sequence, count, expected) == expected[:count]
    hook.remove()
    assert max(held) == sequence.cache.length == PROMPT + count - 1


def test_right_drafts_are_read_in_few_passes() -> None:
    network = chained(50)
    sequence, expected = Sequence(network), said(network, 40)
    with watched(network) as passes:
        assert looked_up(sequence, 40, expected) == expected
    assert passes == [1 + DRAFTED_PER_AGREEING, 1 + LONGEST_DRAFT, 5]


@pytest.mark.parametrize("text", [[], [OTHER] * 20])
def test_without_a_text_to_quote_each_token_has_its_pass(text: list[int]) -> None:
    network = chained(50)
    sequence = Sequence(network)
    with watched(network) as passes:
        looked_up(sequence, 40, text)
    assert passes == [1] * 39


class TestEndings:
    """An answer ends where it ends without drafts, for the same reason, and leaves the same."""

    def decode(
        self,
        network: DashLlamaForCausalLM,
        text: list[int],
        stop_ids: frozenset[int] = frozenset(),
        stopped_after: int = 0,
    ) -> tuple[list[int], Decoding, Sequence]:
        sequence = Sequence(network)
        decoding = Decoding(
            network, sequence.cache, sequence.logits, stop_ids, TOKENS + 10, sequence.meter, text
        )
        ids = []
        for token in decoding:
            ids.append(token)
            if len(ids) == stopped_after:
                decoding.stop()
        return ids, decoding, sequence

    @pytest.mark.parametrize("place", [0, 1, 5, 8, 9, 10, 33, 49])
    def test_at_a_stop_token(self, place: int) -> None:
        network = chained(50)
        text = said(network)
        stop_ids = frozenset({text[place], OTHER})
        ids, decoding, sequence = self.decode(network, text, stop_ids)
        assert (ids, decoding.finish_reason) == (text[:place], "stop")
        assert_same(sequence, self.decode(network, [], stop_ids)[2])

    @pytest.mark.parametrize("taken", [1, 2, 7, 9, 10, 30])
    def test_where_it_is_interrupted(self, taken: int) -> None:
        network = chained(50)
        text = said(network)
        ids, decoding, sequence = self.decode(network, text, stopped_after=taken)
        assert (ids, decoding.finish_reason) == (text[:taken], "interrupted")
        assert_same(sequence, self.decode(network, [], stopped_after=taken)[2])

    @pytest.mark.parametrize("cycle", [1, 7, 17])
    def test_in_a_loop(self, cycle: int) -> None:
        network = chained(cycle)
        plain, other = (self.decode(network, text) for text in ([], said(network)))
        assert other[0] == plain[0] and len(other[0]) <= TOKENS
        assert other[1].finish_reason == plain[1].finish_reason == "repetition"
        assert_same(other[2], plain[2])

    def test_at_the_most_tokens(self) -> None:
        network = chained(50)
        plain, other = (self.decode(network, text) for text in ([], said(network)))
        assert other[0] == plain[0] and len(other[0]) == TOKENS + 10
        assert other[1].finish_reason == plain[1].finish_reason == "length"
        assert_same(other[2], plain[2])


def likely(*tokens: int) -> torch.Tensor:
    """Logits after which these tokens are the most likely."""
    return torch.nn.functional.one_hot(torch.tensor(tokens), 100)


class TestDrafts:
    def drafts(self, text: list[int], *answer: int) -> Drafts:
        drafts = Drafts(text, 100)
        drafts.extend(answer)
        return drafts

    @pytest.mark.parametrize(
        ("text", "answer", "draft"),
        [
            ([1, 2, 3, 4], [1], [2, 3, 4, 1]),
            ([1, 2, 3, 9, 2, 4], [1, 2], [3, 9, 2, 4, 1, 2]),  # the longer, not the later
            ([1, 2, 3, 1, 2, 4], [1, 2], [4, 1, 2]),  # of two alike the later
            ([7, 7, 7], [7], [7]),
            ([1, 2, 3], [4], []),
            ([1, 2, 3], [2, 1, 2], [3, 2, 1, 2]),  # nothing stands before the text
            ([], [5], []),
            ([], [5, 6, 5], [6, 5]),
        ],
    )
    def test_it_is_what_followed_the_longest_latest_agreement(
        self, text: list[int], answer: list[int], draft: list[int]
    ) -> None:
        assert self.drafts(text, *answer).propose(100) == draft

    @pytest.mark.parametrize("attempt", range(20))
    def test_the_search_finds_what_trying_every_place_finds(self, attempt: int) -> None:
        ids = torch.randint(0, 1 + attempt % 4, (80,)).tolist()

        def agreement(end: int) -> int:
            most = min(end, LONGEST_AGREEMENT)
            return next((n for n in range(most) if ids[end - n - 1] != ids[-n - 1]), most)

        best = max(range(1, len(ids)), key=lambda end: (agreement(end), end))
        tokens = min(DRAFTED_PER_AGREEING * agreement(best), LONGEST_DRAFT)
        assert self.drafts(ids[:50], *ids[50:]).propose(100) == ids[best : best + tokens]

    @pytest.mark.parametrize("agreeing", [1, 2, 3, 20])
    def test_the_longer_the_agreement_the_longer_the_draft(self, agreeing: int) -> None:
        text = list(range(100))
        draft = self.drafts(text, *text[:agreeing]).propose(100)
        assert draft == text[agreeing:][: min(agreeing * DRAFTED_PER_AGREEING, LONGEST_DRAFT)]

    @pytest.mark.parametrize("most", [0, 1, 5])
    def test_it_is_no_longer_than_asked_for(self, most: int) -> None:
        assert self.drafts(list(range(50)), 3).propose(most) == list(range(4, 50))[:most]

    def test_wrong_drafts_cost_trust_and_a_right_token_restores_it(self) -> None:
        text = list(range(50))
        drafts = self.drafts(text)
        for token in range(50, 53 + MOST_MISSES):
            drafts.settle([OTHER], likely(token, OTHER), most_likely)
        drafts.extend(text[:MOST_MISSES])
        assert drafts.propose(100) == []
        drafts.extend([MOST_MISSES])
        assert len(drafts.propose(100)) == DRAFTED_PER_AGREEING
        drafts.settle([10, 11], likely(10, OTHER, OTHER), most_likely)
        drafts.extend([20])
        assert len(drafts.propose(100)) == DRAFTED_PER_AGREEING

    @pytest.mark.parametrize(
        ("draft", "following", "settled"),
        [
            ([], [5], [5]),
            ([1, 2], [1, 2, 3], [1, 2, 3]),
            ([1, 2], [1, 9, 3], [1, 9]),
            ([1, 2], [9, 2, 3], [9]),
        ],
    )
    def test_what_is_right_of_it_stays_with_one_token_more(
        self, draft: list[int], following: list[int], settled: list[int]
    ) -> None:
        assert self.drafts([]).settle(draft, likely(*following), most_likely) == settled
