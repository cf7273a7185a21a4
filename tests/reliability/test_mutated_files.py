"""Files that nobody would write: read or refused in time, with nothing left behind."""

from pathlib import Path

import pytest
from reliability_files import read_file
from reliability_mutations import mutated_pdfs, mutated_texts

PDFS, TEXTS, SEED = 20, 10, 1  # another seed than that of the benchmark


@pytest.mark.parametrize(
    ("suffix", "data"),
    [
        pytest.param(suffix, data, id=f"{suffix} {number} {change}")
        for suffix, made in (("pdf", mutated_pdfs(PDFS, SEED)), ("txt", mutated_texts(TEXTS, SEED)))
        for number, (change, data) in enumerate(made)
    ],
)
def test_a_mutated_file_is_read_or_refused(tmp_path: Path, suffix: str, data: bytes) -> None:
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(data)
    assert read_file(path).faults == ()


def test_the_dice_fall_the_same_for_the_same_seed() -> None:
    # One PDF is encrypted, by other keys every time: what is done to the PDFs is the same.
    changes = [[change for change, _ in mutated_pdfs(8, SEED)] for _ in range(2)]
    assert changes[0] == changes[1]
    assert list(mutated_texts(6, SEED)) == list(mutated_texts(6, SEED))
    assert list(mutated_texts(6, SEED)) != list(mutated_texts(6, SEED + 1))
