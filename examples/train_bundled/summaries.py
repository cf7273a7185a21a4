"""What a summary of a stretch of text is trained to be."""

from examples.train_bundled.cloze import WORD


def main_sentences(candidates: list[str], count: int) -> list[int]:
    """The sentences that say most of the rest: gap sentences (PEGASUS), in their order."""
    bags = [{w.lower() for w in WORD.findall(s) if len(w) > 3} for s in candidates]
    frequency: dict[str, int] = {}
    for bag in bags:
        for token in bag:
            frequency[token] = frequency.get(token, 0) + 1
    score = [sum(frequency[t] for t in bag if frequency[t] > 1) / (len(bag) + 6) for bag in bags]
    fit = [
        i
        for i, s in enumerate(candidates)
        if 8 <= len(s.split()) <= 40 and s.rstrip()[-1:] in ".!?"
    ]
    return sorted(sorted(fit, key=lambda i: -score[i])[:count])
