import pytest

from dashdoc.documents.characters import (
    plain_line_ends,
    with_bullets,
    without_controls,
    without_typography,
)
from dashdoc.documents.cleanup import clean_pages, squeeze
from dashdoc.documents.paragraphs import reflow, words_of
from dashdoc.documents.running_lines import drop_running_lines

BODY = [
    "The river rises in the hills to the north of the town.",
    "Its water drives eleven mills before it meets the sea.",
    "In dry years only the lowest of them can grind at all.",
    "A ferry crosses at noon, and in summer again at six.",
    "Salt was carried upstream in flat boats drawn by oxen.",
    "The bridge of stone was paid for by a tax upon wool.",
]
NUMBERED = list(zip(BODY, "one two three four five six".split(), strict=True))


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (
            "e\ufb00ort \ufb01nd \ufb02ow o\ufb03ce ba\ufb04e \ufb05op \ufb06op",
            "effort find flow office baffle stop stop",
        ),
        ("x² is ½", "x² is ½"),
        ("exam\u00adple", "example"),
        ("exam\u00ad\n  ple and", "example and"),
        ("1\u202f200\u00a0km of\u200b rail", "1 200 km of rail"),
    ],
)
def test_typography_is_spelled_out(found: str, wanted: str) -> None:
    assert without_typography(found) == wanted


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ("a\x00b\x07c", "abc"),
        ("tab\tline\n", "tab\tline\n"),
        ("\x12\x7f\x85\x9b31m", "31m"),
        ("half \ud835 pair", "half  pair"),
        ("𝒙 and é and 漢", "𝒙 and é and 漢"),
    ],
)
def test_control_characters_and_lone_surrogates_go(found: str, wanted: str) -> None:
    assert without_controls(found) == wanted


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ("\x88 first\n  \uf0a7 second", "• first\n  • second"),
        ("\uf0fc 3 days", "• 3 days"),
        ("in the\x88 middle \uf0a7 of it", "in the\x88 middle \uf0a7 of it"),
        ("\x12 \x13\n\x12\nalone", "\x12 \x13\n\x12\nalone"),
    ],
)
def test_a_sign_without_meaning_before_a_word_is_a_bullet(found: str, wanted: str) -> None:
    assert with_bullets(found) == wanted


def test_line_ends_are_one_kind() -> None:
    assert plain_line_ends("a\r\nb\rc\n") == "a\nb\nc\n"


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ("a  \nb\t\n", "a\nb"),
        ("a\n\n\n\n\n\nb", "a\n\n\nb"),
        ("a\n\n\nb", "a\n\n\nb"),
        ("\n\n a", " a"),
    ],
)
def test_blank_space_is_squeezed(found: str, wanted: str) -> None:
    assert squeeze(found) == wanted


class TestRunningLines:
    def drop(self, *pages: str, labels: dict[int, str] | None = None) -> list[str]:
        return list(drop_running_lines(dict(enumerate(pages, start=1)), labels or {}).values())

    @pytest.mark.parametrize(
        "line", ["Annual Report", "Page {} of 20", "{}", "Report 2024, p. {}", "- {} -"]
    )
    def test_headers_and_footers_go(self, line: str) -> None:
        bodies = BODY[:5]
        headed = [f"{line.format(n)}\n{body}" for n, body in enumerate(bodies, start=1)]
        footed = [f"{body}\n{line.format(n)}" for n, body in enumerate(bodies, start=1)]
        assert self.drop(*headed) == bodies
        assert self.drop(*footed) == bodies

    def test_printed_numbers_need_not_be_the_pages_own(self) -> None:
        pages = [f"{body}\n{n + 95}" for n, body in enumerate(BODY, start=1)]
        assert self.drop(*pages) == BODY

    def test_page_labels_count_as_page_numbers(self) -> None:
        printed = ["i", "ii", "iii", "A-1", "A-2", "A-3"]
        pages = [f"Acme {label}\n{body}" for label, body in zip(printed, BODY, strict=True)]
        assert self.drop(*pages, labels=dict(enumerate(printed, start=1))) == BODY
        assert self.drop(*pages) == pages

    def test_rows_of_a_table_stay(self) -> None:
        pages = [f"{n * 7} {n * 13 % 5}\n{body}" for n, body in enumerate(BODY, start=1)]
        assert self.drop(*pages) == pages

    def test_three_pages_are_too_few(self) -> None:
        pages = [f"Annual Report\n{body}" for body in BODY[:3]]
        assert self.drop(*pages) == pages

    def test_sixty_percent_of_the_pages_are_too_few(self) -> None:
        headed = [f"Annual Report\n{body}" for body in BODY[:3]]
        assert self.drop(*headed, *BODY[3:5]) == [*headed, *BODY[3:5]]
        assert self.drop(*headed, BODY[3]) == BODY[:4]

    def test_left_and_right_pages_have_their_own(self) -> None:
        bodies = BODY + [line.upper() for line in BODY]
        pages = [
            f"{body}\n{n}" if n == 5 else f"{'Acme Annual' if n % 2 else 'Report'}\n{body}\n{n}"
            for n, body in enumerate(bodies, start=1)
        ]
        assert self.drop(*pages) == bodies

    def test_the_title_of_a_chapter_goes_with_the_page_number(self) -> None:
        titles = ["1 Rivers", "1 Rivers", "2 Mills", "2 Mills", "3 Bridges", "3 Bridges"]
        pages = [
            f"{title} {n + 8}\n{body}" if n % 2 else f"{n + 8} {title}\n{body}"
            for n, (title, body) in enumerate(zip(titles, BODY, strict=True), start=1)
        ]
        assert self.drop(*pages) == BODY

    def test_a_line_that_only_one_page_has_stays(self) -> None:
        pages = [f"{body}\nPoint {word} {n}" for n, (body, word) in enumerate(NUMBERED, start=1)]
        assert self.drop(*pages) == pages

    def test_lines_in_the_middle_stay(self) -> None:
        pages = [
            f"{a}\n{b}\nRefrain\n{b}\n{a}" for a, b in zip(BODY, BODY[1:] + BODY[:1], strict=True)
        ]
        assert self.drop(*pages) == pages

    def test_pages_without_text_do_not_count(self) -> None:
        headed = [f"Annual Report\n{body}" for body in BODY[:4]]
        assert self.drop(*headed, *[""] * 20) == [*BODY[:4], *[""] * 20]


class TestParagraphs:
    def flow(self, *lines: str, words: str = "") -> list[str]:
        return reflow("\n".join(lines), words_of([words])).split("\n")

    def test_full_lines_become_one(self) -> None:
        assert self.flow(*BODY) == [" ".join(BODY)]

    def test_a_blank_line_ends_a_paragraph(self) -> None:
        flowing = self.flow(*BODY[:3], "", *BODY[3:])
        assert flowing == [" ".join(BODY[:3]), "", " ".join(BODY[3:])]

    def test_a_short_line_ends_a_paragraph(self) -> None:
        assert self.flow(*BODY[:3], "So it was.", *BODY[3:]) == [
            " ".join([*BODY[:3], "So it was."]),
            " ".join(BODY[3:]),
        ]

    def test_a_heading_stands_alone(self) -> None:
        flowing = self.flow("The River", *BODY[:3], "The Bridge", *BODY[3:])
        assert flowing == ["The River", " ".join(BODY[:3]), "The Bridge", " ".join(BODY[3:])]

    @pytest.mark.parametrize(
        "mark", ["•", "-", "1.", "12)", "(3)", "a)", "(b)", "iv.", "[12]", "2.3", "##"]
    )
    def test_items_start_on_a_line_of_their_own(self, mark: str) -> None:
        items = [f"{mark} {line}" for line in BODY[:3]]
        assert self.flow(*items) == items

    def test_an_item_keeps_its_further_lines(self) -> None:
        flowing = self.flow(f"• {BODY[0]}", BODY[1], f"• {BODY[2]}", BODY[3])
        assert flowing == [f"• {BODY[0]} {BODY[1]}", f"• {BODY[2]} {BODY[3]}"]

    def test_a_number_within_a_sentence_starts_no_item(self) -> None:
        text = [
            "The proof of the theorem above is to be found in section",
            "4.6 was added much later to the second of two editions.",
        ]
        assert self.flow(*text) == [" ".join(text)]

    @pytest.mark.parametrize(
        "lines",
        [
            ["Wheat 12.5 13.1 14.9 15.2 16.0 17.3", "Barley 2.5 3.1 4.9 5.2 6.0 7.3 8.8"],
            ["for (i = 0; i < n; i++) { a[i] = b[i]; }", "while (*p++ = *q++) { n += (m >> 2); }"],
            ["1 Introduction ................ 1", "2 Related work .............. 12"],
            ["Anaemia Common Uncommon Common", "Bleeding Rare Common Uncommon"],
        ],
        ids=["table", "code", "contents", "table of words"],
    )
    def test_what_is_no_prose_keeps_its_lines(self, lines: list[str]) -> None:
        assert self.flow(*lines) == lines

    def test_what_a_colon_announces_starts_a_line(self) -> None:
        lines = ["The owners of the eleven mills are known to us by name:", *BODY[1:3]]
        assert self.flow(*lines) == [lines[0], " ".join(BODY[1:3])]

    def test_narrow_pages_keep_their_lines(self) -> None:
        lines = ["Our mission", "Clean water", "Fair prices", "Happy people"]
        assert self.flow(*lines) == lines

    @pytest.mark.parametrize(
        ("words", "joined"),
        [("Attention is all", "attention"), ("nothing known", "atten-tion"), ("", "atten-tion")],
    )
    def test_a_hyphen_goes_where_the_joined_word_is_known(self, words: str, joined: str) -> None:
        lines = ["Whoever walks along the river by night should pay atten-", "tion to the weirs."]
        flowing = self.flow(*lines, words=words)
        assert flowing == [
            f"Whoever walks along the river by night should pay {joined} to the weirs."
        ]

    def test_a_compound_keeps_its_hyphen(self) -> None:
        lines = [
            "Between the two mills there was in those days a well-",
            "known inn of three floors.",
        ]
        assert self.flow(*lines, words="well known")[0].endswith(
            "a well-known inn of three floors."
        )

    def test_names_within_a_sentence_do_not_end_its_line(self) -> None:
        lines = [
            "Every year the mills were let by the Lord Mayor",
            "Master Hugh Brown Of Acton Green Near The Weir",
            "to whoever paid him the most for them in silver.",
        ]
        assert self.flow(*lines) == [lines[0], f"{lines[1]} {lines[2]}"]

    def test_a_line_in_capitals_is_prose(self) -> None:
        lines = [
            "THE MILLS ARE LET AS THEY STAND AND WITHOUT",
            "WARRANTY OF ANY KIND EXPRESSED OR IMPLIED.",
        ]
        assert self.flow(*lines) == [" ".join(lines)]

    def test_chinese_paragraphs_end_at_a_short_line(self) -> None:
        lines = [
            "这条河发源于镇北的山里它的水在入海之前推动了十一座磨坊每年都是如此",
            "最下游的磨坊还能磨面。",
            "第二章",
        ]
        assert self.flow(*lines) == [f"{lines[0]}{lines[1]}", lines[2]]

    def test_latin_letters_are_half_as_wide_as_chinese_ones(self) -> None:
        lines = [
            "The mill of Acton 这条河发源于镇北的山里它的水在入海之前推动了十一座",
            "这条河发源于镇北的山里它的水在入海之前推动了十一座磨坊每年都",
            "是如此最下游的磨坊还能磨面。",
        ]
        assert self.flow(*lines) == ["".join(lines)]

    def test_chinese_is_joined_without_a_space(self) -> None:
        lines = [
            "这条河发源于镇北的山里它的水在入海之前推动了十一座磨坊每年都是",
            "如此到了干旱的年份只有最下游的磨坊还能磨面其余的都停了下来等雨",
        ]
        assert self.flow(*lines) == ["".join(lines)]


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ("1 Rivers . . . . . . . . . . 7", "1 Rivers ... 7"),
        ("2 Mills.................... 12", "2 Mills ... 12"),
        ("3 Locks .  .  .  .  .  .  .  .  .  . 15", "3 Locks ... 15"),
        (".  .  .  .  .  .  .  .  .  .  . 15\n3 Locks", "... 15\n3 Locks"),
        ("So it goes. . . . And so on.", "So it goes. . . . And so on."),
    ],
)
def test_the_dots_of_a_table_of_contents_are_cut_short(found: str, wanted: str) -> None:
    assert clean_pages({1: found}, {}) == {1: wanted}


def test_pages_are_cleaned_together() -> None:
    pages = {
        n: f"Mill Journal\r\n\r\n{line}\x00 The \ufb01nding is conser-\nvation, {n * n}.\r\n{n}"
        for n, line in enumerate(BODY[:3], start=1)
    }
    pages[4] = "Mill Journal\nConservation of mass was found late in the history of science.\n4"
    assert clean_pages(pages, {}) == {
        1: f"{BODY[0]} The finding is conservation, 1.",
        2: f"{BODY[1]} The finding is conservation, 4.",
        3: f"{BODY[2]} The finding is conservation, 9.",
        4: "Conservation of mass was found late in the history of science.",
    }
