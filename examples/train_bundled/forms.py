"""Small changes of English word forms; a rare mistake is as good as a reader's own."""

import re
from random import Random

_IRREGULAR = dict(
    pair.split(":")
    for pair in (
        "went:go came:come took:take gave:give made:make saw:see found:find left:leave held:hold "
        "told:tell said:say became:become began:begin brought:bring bought:buy built:build "
        "wrote:write kept:keep led:lead lost:lose met:meet ran:run sent:send sold:sell spoke:speak "
        "spent:spend stood:stand taught:teach thought:think won:win wore:wear fell:fall felt:feel "
        "got:get grew:grow knew:know lay:lie paid:pay rose:rise sang:sing sat:sit showed:show "
        "slept:sleep struck:strike threw:throw drew:draw drove:drive flew:fly fought:fight "
        "chose:choose caught:catch broke:break bore:bear heard:hear laid:lay carried:carry"
    ).split()
)
_KEEPS_E = re.compile(r"(?:[vcuz]|[^s]s|[aeioudnr]g|[bcdfgkpt]l|[aeiou][kmtbpn]|[iaou]r|eat)$")
_DOUBLED = re.compile(r"([bdgmnprt])\1$")
_SHORT = re.compile(r"(?:(?<!cr)[aeiou]{2}[^scgzv]|en|er|on|it|el|op)$")


def bare(verb: str) -> str | None:
    """The bare form of a past tense; None where the word is none."""
    if known := _IRREGULAR.get(verb):
        return known
    if not re.fullmatch(r"[a-z]{2,}ed", verb) or verb.endswith("eed"):
        return None
    stem = verb[:-2]
    if stem.endswith("i"):
        return stem[:-1] + "y"
    if _DOUBLED.search(stem):
        return stem[:-1]
    return stem + "e" if _KEEPS_E.search(stem) and not _SHORT.search(stem) else stem


def varied(word: str, rng: Random) -> str:
    """Another form of an ordinary word: singular for plural, present for past, and back."""
    if not re.fullmatch(r"[a-z]{5,}", word):
        return word
    if simple := bare(word):
        return rng.choice((simple, simple + "s"))
    if word.endswith("ing"):
        return word[:-3] + rng.choice(("", "ed"))
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith("s"):
        return word if word.endswith(("ss", "us", "is")) else word[:-1]
    return word + "s" if rng.random() < 0.5 else word
