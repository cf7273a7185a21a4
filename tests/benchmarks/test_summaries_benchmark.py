"""The summaries benchmark: its documents, what summaries are compared with, and its counting."""

import json
import lzma
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks" / "data"))

from abstracts_markup import Parts, from_cnxml, from_jats, from_markdown, from_mediawiki
from summaries import (
    Abstracted,
    Outcome,
    Rouge,
    Score,
    central,
    cut,
    difference,
    differences,
    has_repeats,
    interval,
    judge,
    load,
    prose,
)

ABSTRACT = "Wild bees pollinate orchards. Their number fell by half in ten years."
TEXT = (
    "Introduction\n\nOrchards are old. They stand in rows.\n\n"
    "Results\n\nWe counted wild bees. The number of wild bees fell by half in ten years.\n\n"
    "- a list item without an end"
)


def outcome(kind: str, summary: float, lead: float) -> Outcome:
    scores = {"summary": Score(summary, summary, 9), "lead": Score(lead, lead, 9)}
    return Outcome("A title", kind, "A summary.", "stop", False, scores)


def test_the_documents_are_those_of_the_file(tmp_path: Path) -> None:
    entry = {"source": "PLOS/allofplos", "title": "Bees", "abstract": ABSTRACT, "text": TEXT}
    with lzma.open(tmp_path / "abstracts.jsonl.xz", "wt", encoding="utf-8") as lines:
        lines.write(json.dumps(entry) + "\n")
    [document] = load(tmp_path / "abstracts.jsonl.xz")
    assert document == Abstracted("papers", "Bees", ABSTRACT, TEXT)


def test_without_its_documents_the_benchmark_says_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"make_abstracts\.py"):
        load(tmp_path / "abstracts.jsonl.xz")


def test_only_sentences_count_as_prose() -> None:
    assert prose(TEXT) == [
        "Orchards are old.",
        "They stand in rows.",
        "We counted wild bees.",
        "The number of wild bees fell by half in ten years.",
    ]


def test_central_sentences_are_most_like_all_others() -> None:
    told = [
        "Rain fell.",
        "The wild bees of the orchard fell in number.",
        "The orchard is old.",
        "The wild bees nest in the orchard.",
        "Nobody came.",
    ]
    assert central(told, 3) == [told[1]]
    assert central(told, 10) == [told[1], told[3]]


def test_what_a_summary_is_compared_with_is_as_long() -> None:
    document = Abstracted("papers", "Bees", ABSTRACT, TEXT)
    found = judge(document, "Orchards have wild bees now.", "stop", Rouge())
    assert {way: score.words for way, score in found.scores.items() if way != "oracle"} == {
        "summary": 5,
        "lead": 5,
        "random": 5,
        "central": 5,
    }
    assert cut(prose(TEXT), 5) == "Orchards are old. They stand"


def test_a_summary_nearer_to_the_abstract_gains_over_the_lead() -> None:
    document = Abstracted("papers", "Bees", ABSTRACT, TEXT)
    found = judge(document, "The number of wild bees fell by half in ten years.", "stop", Rouge())
    assert found.gain("rouge_l") > 0.3
    assert found.gain("rouge1") > 0.3


def test_the_oracle_takes_the_sentences_nearest_to_the_abstract_in_their_order() -> None:
    rouge = Rouge()
    candidates = prose(TEXT)
    chosen = rouge.oracle(ABSTRACT, candidates)
    assert chosen == [candidates[3]]
    assert rouge.oracle(" ".join(candidates[1:3]), candidates) == candidates[1:3]


@pytest.mark.parametrize(
    ("summary", "repeats"),
    [
        ("Bees fell. Bees rose.", False),
        ("Bees fell. Bees rose. Bees fell.", True),
        ("Bees fell. Bees fell", True),
        ("", False),
    ],
)
def test_a_sentence_said_twice_is_told(summary: str, repeats: bool) -> None:
    assert has_repeats(summary) is repeats


def test_the_interval_holds_the_mean_and_narrows_with_more_documents() -> None:
    few, many = interval([0.0, 0.2] * 10), interval([0.0, 0.2] * 1_000)
    assert few[0] < 0.1 < few[1]
    assert many[1] - many[0] < (few[1] - few[0]) / 5
    assert interval([0.0, 0.2] * 10) == few


def test_differences_are_told_for_all_and_for_each_kind() -> None:
    outcomes = [outcome("papers", 0.3, 0.1), outcome("papers", 0.2, 0.2), outcome("books", 0, 0.1)]
    rows = {row.kind: row for row in differences(outcomes)}
    assert {kind: row.documents for kind, row in rows.items()} == {
        "all": 3,
        "papers": 2,
        "books": 1,
    }
    assert rows["papers"].rouge_l == 0.1
    assert difference("books", outcomes[2:]).low == -0.1


SECTION = """<document xmlns="http://cnx.rice.edu/cnxml"><title>Bees</title><content>
<section class="learning-objectives"><para>You will learn.</para></section>
<para>Bees <emphasis>fly</emphasis>.<note class="reference">A book.</note></para>
<section><title>Wings</title><para>They have four.</para><figure><caption>One.</caption></figure>
<para>So <math xmlns="m"><mi>x</mi></math> is four.</para></section>
<section class="summary"><title>Summary</title><para>Bees have wings.</para></section>
<section class="review-questions"><para>Why?</para></section></content></document>"""
PAPER = """<article><front><article-meta><title-group><article-title>Bees</article-title>
</title-group>{}</article-meta></front><body>{}<sec><title>Wings</title>
<p>They have four <xref>[1]</xref>.</p><table-wrap><p>A table.</p></table-wrap></sec>
<sec><title>References</title><p>A book.</p></sec></body></article>"""
MARKDOWN = """---
Title: Bees
---
## Abstract

Bees have
*wings*.

## Wings

They have [four](http://a.b) `x`.

```
code
```
| a | table |

- one.

## Copyright

CC-BY-4.0
"""
WIKI = """<pre>
  Title: Bees
</pre>

== Abstract ==

Bees have ''wings''.

== Wings ==

They have [http://a.b four].<ref>A book.</ref>
* one.

== References ==

A book.
"""


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (from_cnxml(SECTION), "Bees fly.\n\nWings\n\nThey have four."),
        (
            from_jats(PAPER.format("<abstract><p>Bees have wings.</p></abstract>", "")),
            "Wings\n\nThey have four.",
        ),
        (
            from_jats(PAPER.format("", "<sec><title>Summary</title><p>Bees have wings.</p></sec>")),
            "Wings\n\nThey have four.",
        ),
        (from_markdown(MARKDOWN), "Wings\n\nThey have four x.\n\n- one."),
        (from_mediawiki(WIKI), "Wings\n\nThey have four.\n\n- one."),
    ],
    ids=["CNXML", "JATS", "JATS with a summary section", "Markdown", "MediaWiki"],
)
def test_markup_becomes_prose_with_the_abstract_apart(parts: Parts, text: str) -> None:
    assert (parts.title, parts.abstract, parts.text) == ("Bees", "Bees have wings.", text)
