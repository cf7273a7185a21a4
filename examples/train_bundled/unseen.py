"""How many questions of readers that were kept out of the training does a model answer?

    python -m examples.train_bundled.unseen --corpus DIR --model DIR

Each passage is read with its questions, one after the other, every answer after those before it as
they should be. An answer is right if the likeliest token is right each time. Where the training
left its state, it is told too how often its layers found the place of the answer. The questions
serve to choose a recipe: those of `benchmarks/natural.py` are not looked at for that.
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path
from statistics import fmean

import torch
from tokenizers import Tokenizer

from dashdoc.models.llama import DashLlamaForCausalLM
from examples.train_bundled import corpus as corpora
from examples.train_bundled.finding import LOOKS, Finders, places, side_by_side
from examples.train_bundled.reader_questions import FILE, ReaderQuestions
from examples.train_bundled.recipe import beginnings, losses, share_right
from examples.train_bundled.tasks import ANSWER_READER, RowMaker

READ_BEFORE, READ_ON = 4, 12  # sentences around a passage


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=Path("dashdoc/models/bundled"))
    parser.add_argument("--workers", type=int, default=2, help="that read the corpus")
    options = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    file = options.model / "tokenizer.json"
    if not file.exists():
        file = Path("dashdoc/models/bundled/tokenizer.json")
    corpus = corpora.load(options.corpus, file, options.workers)
    readers = ReaderQuestions.load(corpus, FILE, unseen=True)
    maker = RowMaker(corpus, Tokenizer.from_file(str(file)), seed=0, readers=readers)
    model = DashLlamaForCausalLM.from_pretrained(options.model, dtype=torch.float32).to(device)
    finders = None
    if (state := options.model / "state.pt").exists():
        finders = Finders(model.config.hidden_size, model.config.num_hidden_layers, LOOKS)
        finders.load_state_dict(torch.load(state, map_location="cpu")["finders"])
        finders.to(device)

    right, found, counts = list[float](), defaultdict[str, list[float]](list), list[int]()
    for passage in readers.passages:
        document = corpus.document(corpus.document_of(passage.start))
        begin = max(document.start, passage.start - READ_BEFORE)
        tokens, kinds = maker.passage(range(begin, min(document.stop, passage.stop + READ_ON)))
        sought = [listed.to(device) for listed in side_by_side(places(tokens, kinds)[None])]
        ids = torch.from_numpy(tokens.astype("int64")).to(device)[None]
        told = torch.from_numpy(kinds).to(device)[None]
        with torch.no_grad():
            made = losses(model, ids, told, finders=finders, sought=sought)
        answers = told[:, 1:] == ANSWER_READER
        right.append(share_right(made.wrong, answers))
        counts.append(int(beginnings(answers).sum()))
        for name, share in made.found.items():
            found[name].append(share.item())
    report = {"questions": sum(counts), "right": round(fmean(right, counts), 3)}
    report |= {name: round(fmean(shares, counts), 3) for name, shares in found.items()}
    print(json.dumps(report))


if __name__ == "__main__":
    main()
