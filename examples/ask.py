"""Ask a document from Python."""

from pathlib import Path

import dashdoc

DOCUMENT = Path(__file__).with_name("state-department-homes.pdf")
QUESTION = "How were the four executive office buildings painted?"


def main() -> None:
    session = dashdoc.Session(dashdoc.load_model("bundled"), [dashdoc.read_document(DOCUMENT)])
    reading = session.read(on_progress=lambda done, total: print(f"{done:,} of {total:,} tokens"))
    print(f"{reading.routing.sparsity:.1%} of all earlier chunks were skipped")

    stream = session.stream(QUESTION)
    for piece in stream:
        print(piece, end="", flush=True)
    answer = stream.answer
    assert answer is not None
    print(f"\npages {answer.pages}, {answer.tokens_per_second:.0f} tokens/s")


if __name__ == "__main__":
    main()
