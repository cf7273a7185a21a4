"""PDFs that are damaged or meant to harm: read what can be read, say what cannot, never hang."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from dashdoc.documents import Document, pdf_process, pdf_worker
from dashdoc.errors import InputError

from . import make_pdfs as make

Read = Callable[..., Document]

HAND = make.hand_written(["One.", "Two.", "Three."])
FIRST, LAST = make.stream(make.shown("First.")), make.stream(make.shown("Last."))
RESOURCES = b"<< /Font << /F1 4 0 R >> /XObject << /A 50 0 R >> >>"
QUICK = 8.0  # seconds; what a machine under load needs for the quick ones


def found(document: Document) -> dict[int, str]:
    return {page.number: page.text for page in document.pages}


def form(content: bytes, inner: int) -> bytes:
    return make.stream(
        content,
        b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /A %d 0 R >> >>"
        % inner,
    )


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(HAND.replace(b"0000000", b"0000099"), id="wrong offsets"),
        pytest.param(HAND.replace(b"startxref\n", b"startxref\n9"), id="wrong startxref"),
        pytest.param(HAND.replace(b"startxref", b"stagtxref"), id="no startxref"),
        pytest.param(HAND.replace(b"\nxref\n0", b"\n\n0"), id="no xref table"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n" + HAND, id="rubbish in front"),
        pytest.param(HAND[9:], id="no header"),
        pytest.param(HAND + b"\n" * 500 + b"rubbish", id="rubbish behind"),
        pytest.param(HAND.replace(b"/Length 3", b"/Length 9"), id="stream too long"),
        pytest.param(HAND.replace(b"/Length 3", b"/Length 0"), id="stream too short"),
        pytest.param(HAND.replace(b"\nendobj", b"\n"), id="no endobj"),
    ],
)
def test_common_damage_is_repaired(read: Read, data: bytes) -> None:
    assert data != HAND
    assert found(read(data)) == {1: "One.", 2: "Two.", 3: "Three."}


@pytest.mark.parametrize(
    ("landmark", "pages", "lost"),
    [
        (b"xref\n0", [1, 2, 3], None),
        (b"15 0 obj", [1, 2], "Page 3 of a.pdf could not be read"),
        (b"13 0 obj", [1], "claims 3 pages and holds 2"),
    ],
)
def test_a_file_cut_off_keeps_what_is_there(
    read: Read, landmark: bytes, pages: list[int], lost: str | None
) -> None:
    document = read(HAND[: HAND.index(landmark)])
    assert list(found(document)) == pages
    assert document.notices[0] == (
        "The end of a.pdf is missing, as if a download had been cut off."
    )
    assert lost is None or lost in " ".join(document.notices[1:])


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3])
def test_a_file_cut_off_too_early_is_called_damaged(read: Read, share: float) -> None:
    data = make.numbered(20)
    with pytest.raises(InputError, match=r"a\.pdf (is damaged|could be read)"):
        read(data[: int(len(data) * share)])


@pytest.mark.parametrize("tenth", range(1, 10))
def test_wherever_a_file_is_cut_off_its_end_is_said_to_be_missing(read: Read, tenth: int) -> None:
    data = make.drawn([[f"Page of {word}."] for word in make.WORDS[:3]])
    try:
        said = read(data[: len(data) * tenth // 10], seconds=QUICK).notices[0]
    except InputError as error:
        said = error.message
    assert "The end of a.pdf is missing" in said or "its end is missing" in said


@pytest.mark.parametrize(
    "data",
    [make.numbered(3), make.with_object_streams("Packed."), HAND],
    ids=["reportlab", "object streams", "hand-written"],
)
def test_random_damage_is_read_or_refused_in_time(read: Read, data: bytes) -> None:
    dice = random.Random(len(data))
    for count in (1, 2, 5, 10, 20, 50, 100, 200):
        damaged = bytearray(data)
        for _ in range(count):
            damaged[dice.randrange(len(data))] = dice.randrange(256)
        started = time.monotonic()
        with contextlib.suppress(InputError):
            assert read(bytes(damaged), seconds=QUICK).text
        assert time.monotonic() - started < QUICK


def test_a_lost_page_object_puts_the_numbers_in_doubt(read: Read) -> None:
    data = make.with_contents([FIRST, FIRST, LAST], without=12)
    document = read(data)
    assert found(document) == {1: "First.", 2: "Last."}
    assert document.notices == (
        "a.pdf claims 3 pages and holds 2; "
        "page numbers may differ from those that other programs show.",
    )


@pytest.mark.parametrize(
    ("second", "said"),
    [
        pytest.param(make.stream(b"xx", b"/Filter /NoSuch"), "Unsupported filter", id="filter"),
        pytest.param(make.bomb(100_000_000), "Limit reached", id="bomb"),
        pytest.param(
            make.stream(
                zlib.compress(zlib.compress(bytes(100_000_000), 9), 9),
                b"/Filter [/FlateDecode /FlateDecode]",
            ),
            "Limit reached",
            id="bomb in a bomb",
        ),
        pytest.param(
            make.stream(b"", b"/Filter [%s]" % (b"/FlateDecode " * 40)), "filter", id="filters"
        ),
    ],
)
def test_one_bad_page_is_named_and_the_rest_goes_on(read: Read, second: bytes, said: str) -> None:
    document = read(make.with_contents([FIRST, second, LAST]), seconds=QUICK)
    assert found(document) == {1: "First.", 3: "Last."}
    assert len(document.notices) == 1
    assert document.notices[0].startswith("Page 2 of a.pdf could not be read: ")
    assert said in document.notices[0]


def test_pages_with_the_same_fault_share_a_notice(read: Read) -> None:
    bad = make.stream(b"xx", b"/Filter /NoSuch")
    document = read(make.with_contents([bad, FIRST, bad, bad]))
    assert document.notices == (
        "Pages 1, 3-4 of a.pdf could not be read: Unsupported filter /NoSuch.",
    )


def test_a_file_of_bad_pages_only_is_an_error(read: Read) -> None:
    bad = make.stream(b"xx", b"/Filter /NoSuch")
    with pytest.raises(InputError, match="No page of a.pdf could be read.*Pages 1-2.*NoSuch"):
        read(make.with_contents([bad, bad]))


def test_a_bad_page_among_scanned_ones_is_still_named(read: Read) -> None:
    bad, blank = make.stream(b"xx", b"/Filter /NoSuch"), make.stream(b"")
    with pytest.raises(InputError, match=r"pages read \(1, 3\) holds text.*Page 2 .*NoSuch"):
        read(make.with_contents([blank, bad, blank]))


@pytest.mark.parametrize(
    ("second", "extra"),
    [
        pytest.param(make.stream(b"[" * 200_000), {}, id="nested arrays"),
        pytest.param(make.stream(b"<</a " * 200_000), {}, id="nested dictionaries"),
        pytest.param(make.stream(b"q " * 200_000), {}, id="nested states"),
        pytest.param(make.stream(b"(" * 200_000), {}, id="nested strings"),
        pytest.param(
            make.stream(b"/A Do"), {3: RESOURCES, 50: form(b"/A Do", 50)}, id="form in itself"
        ),
        pytest.param(
            make.stream(b"/A Do"),
            {3: RESOURCES}
            | {n: form(b"/A Do " * 10, n + 1) for n in range(50, 60)}
            | {60: make.stream(b"", b"/Type /XObject /Subtype /Form /BBox [0 0 9 9]")},
            id="forms without number",
        ),
        pytest.param(b"7", {}, id="contents no stream"),
        pytest.param(b"11 0 R", {}, id="contents a loop"),
    ],
)
def test_a_hostile_page_does_not_take_its_neighbours_along(
    read: Read, second: bytes, extra: dict[int, bytes]
) -> None:
    document = read(make.with_contents([FIRST, second, LAST], extra), seconds=QUICK)
    pages = found(document)
    assert (pages[1], pages[3]) == ("First.", "Last.")
    assert not pages.get(2)


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ({2: b"<< /Type /Pages /Kids [2 0 R 10 0 R] /Count 2 >>"}, "cyclic"),
        (
            {
                2: b"<< /Type /Pages /Kids [5 0 R] /Count 2 >>",
                5: b"<< /Type /Pages /Kids [2 0 R 10 0 R] /Count 2 >>",
            },
            "cyclic",
        ),
        ({2: b"<< /Type /Pages /Kids [] /Count 0 >>"}, "it has no pages"),
        ({1: b"<< /Type /Catalog >>"}, "/Pages"),
        ({10: b"<< /Type /Page /X " + b"[" * 100_000 + b" >>"}, ""),
        (
            {2: b"<< /Type /Pages /Kids [60 0 R] /Count 1 >>"}
            | {n: b"<< /Type /Pages /Kids [%d 0 R] >>" % (n + 1) for n in range(60, 300)},
            "Maximum page tree depth",
        ),
    ],
    ids=["its own kid", "loop of two", "no kids", "no tree", "nested object", "deep tree"],
)
def test_a_page_tree_that_leads_nowhere_is_an_error(
    read: Read, extra: dict[int, bytes], said: str
) -> None:
    with pytest.raises(InputError, match=f"a.pdf is damaged.*{said}.*qpdf"):
        read(make.with_contents([FIRST], extra), seconds=QUICK)


def test_a_huge_page_count_is_a_claim_only(read: Read) -> None:
    pages = b"<< /Type /Pages /Kids [10 0 R] /Count 2000000000 >>"
    document = read(make.with_contents([FIRST], {2: pages}), seconds=QUICK)
    assert (document.total_pages, found(document)) == (1, {1: "First."})
    assert "claims 2,000,000,000 pages and holds 1" in document.notices[0]


@pytest.mark.parametrize("previous", [b"/Prev %d", b"/XRefStm %d"])
def test_tables_that_point_at_themselves_end(read: Read, previous: bytes) -> None:
    data = make.hand_written(["One."])
    loop = previous % data.index(b"xref\n0")
    data = data.replace(b"/Root 1 0 R", b"/Root 1 0 R " + loop)
    assert found(read(data, seconds=QUICK)) == {1: "One."}


def test_a_page_of_endless_text_is_capped(read: Read) -> None:
    body = zlib.compress(make.shown("word " * 100_000))
    document = read(
        make.with_contents([FIRST, make.stream(body, b"/Filter /FlateDecode")]), seconds=QUICK
    )
    assert len(document.pages[1].text) <= pdf_worker.MAX_PAGE_CHARACTERS
    assert document.notices == (
        "Page 2 of a.pdf claims 500,000 characters, more than a page can hold; "
        "the first 200,000 were kept.",
    )


def test_the_time_limit_keeps_the_pages_read_so_far(read: Read) -> None:
    started = time.monotonic()
    document = read(make.with_contents([FIRST, make.slow(), LAST, LAST]), seconds=2.0)
    assert time.monotonic() - started < 5
    assert found(document) == {1: "First."}
    assert document.notices == (
        "Pages 2-4 of a.pdf could not be read: the time limit of 2 s was reached on page 2, "
        "try --pages without it.",
    )


def test_the_time_limit_on_the_first_page_is_an_error(read: Read) -> None:
    with pytest.raises(InputError, match="time limit of 2 s was reached on page 1"):
        read(make.with_contents([make.slow(), LAST]), seconds=2.0)


def test_the_time_limit_holds_before_the_first_page(read: Read) -> None:
    with pytest.raises(InputError, match="time limit of 0.001 s was reached before its first page"):
        read(HAND, seconds=0.001)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("import os; os.abort()", "the PDF reader crashed on it"),
        (
            "import json, os, sys\n"
            "sys.stdin.buffer.read(json.loads(sys.stdin.buffer.readline())['size'])\n"
            "print(json.dumps({'opened': 3, 'claimed': 3, 'cut_off': False}), flush=True)\n"
            "sys.stdin.buffer.readline()\n"
            "print(json.dumps({'page': 1, 'text': 'One.', 'characters': 4}), flush=True)\n"
            "print('{\"page\": 2, \"te', end='', flush=True)\n"
            "os.abort()\n",
            "Pages 2-3 of a.pdf could not be read: the PDF reader crashed on page 2.",
        ),
    ],
    ids=["at once", "in mid-sentence"],
)
def test_a_crash_of_the_child_is_survived(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, said: str
) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text(script)
    monkeypatch.setattr(pdf_process, "_WORKER", worker)
    big = HAND + b"\n" * 1_000_000  # more than a pipe holds
    try:
        document = read(big, seconds=QUICK)
    except InputError as error:
        assert said in error.message
    else:
        assert found(document) == {1: "One."}
        assert document.notices == (said,)


def test_an_error_in_the_callback_ends_the_child(read: Read) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        read(make.with_contents([FIRST, make.slow()]), on_page=stop, seconds=60)
    assert time.monotonic() - started < 5


@pytest.mark.skipif(os.name != "posix", reason="process groups are of POSIX")
def test_ctrl_c_leaves_no_child_behind(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(make.with_contents([FIRST, make.slow()]))
    code = (
        "import sys; from dashdoc.documents import read_document; "
        "read_document(sys.argv[1], on_page=lambda *_: print('read', flush=True))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"read\n"
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=5) != 0
        assert b"KeyboardInterrupt" in process.stderr.read()
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not bound address space")
def test_the_child_is_confined() -> None:
    code = (
        "import resource; from dashdoc.documents import pdf_worker; pdf_worker._confine(3.0); "
        "print(resource.getrlimit(resource.RLIMIT_CPU)[0]); bytearray(5 << 30)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "5\n"
    assert "MemoryError" in done.stderr


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "it needs more than 4 GiB of memory"),
        (RecursionError("maximum recursion depth"), "its objects are nested too deeply"),
        (ValueError("bad\n  \x1b[31mvalue."), "bad [31mvalue"),
        (KeyError(), "KeyError"),
        (ValueError("Loop at IndirectObject(8, 0, 139872)."), "Loop at object 8"),
        (ValueError("Invalid object b')' @2464: b\"Tw\\x00 45\""), "Invalid object b')'"),
        (ValueError("x" * 900), "x" * 160),
    ],
)
def test_the_faults_of_a_page_are_put_in_words(error: Exception, said: str) -> None:
    assert pdf_worker._describe(error) == said
