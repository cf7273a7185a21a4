"""Record the screens in docs/screens/: `python docs/make_screens.py [NAME...]`.

The commands run in a terminal of their own, with the bundled model on the example PDF. The first
screen of the README is made with them. Another run changes nothing but the measured figures.
"""

import fcntl
import os
import platform
import pty
import re
import shlex
import struct
import subprocess
import sys
import termios
from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from dashdoc.cli.lines import PROMPT
from dashdoc.cli.picture import recorded, svg

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "screens"
README = ROOT / "README.md"
COLUMNS = 100
DOCUMENT = "examples/state-department-homes.pdf"
# Each command with the lines that are typed at its prompt.
SCREENS: dict[str, tuple[str, Sequence[str]]] = {
    "ask": (f'dashdoc ask {DOCUMENT} "How were the four executive office buildings painted?"', ()),
    "summarize": (f"dashdoc summarize {DOCUMENT} --pages 13-16", ()),
    "routing": (f"dashdoc routing {DOCUMENT}", ()),
    "chat": (
        f"dashdoc chat {DOCUMENT}",
        (
            "How were the four executive office buildings painted?",
            "Who was the first Secretary of State?",
            "/pages",
        ),
    ),
    "compare": (
        f'dashdoc compare {DOCUMENT} "How were the four executive office buildings painted?"',
        (),
    ),
    "info": (f"dashdoc info {DOCUMENT}", ()),
}
END_OF_INPUT = "\x04"
_STYLE = r"\x1b\[[\d;]*m"
_PART = re.compile(rf"(\n|\x1b\[\??\d*[A-Za-ln-z]|\r)|((?:{_STYLE}|[^\x1b\r\n])+)")


def shown(output: str) -> str:
    """What is left on a terminal in the end: without bars that were drawn over, with colours.

    Lines are drawn over as a whole, so there is no need to know the column.
    """
    rows, row = [""], 0
    for control, text in _PART.findall(output):
        if control == "\n":
            row += 1
            rows += [""] * (row == len(rows))
        elif control.endswith("A"):
            row -= int(control[2:-1] or 1)
        elif control == "\x1b[2K":
            rows[row] = ""
        else:
            rows[row] += text
    # Where the checkout lies, and which build of a kernel runs, is not for others to know.
    release = platform.release()
    screen = "\n".join(rows).rstrip().replace(str(ROOT), "~/dashdoc")
    return screen.replace(release, release.partition("-")[0])


def run(command: str, typed: Sequence[str] = ()) -> str:
    """All that a command writes to a terminal, while lines are typed at its prompts."""
    mine, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 50, COLUMNS, 0, 0))
    program = [sys.executable, "-m", *shlex.split(command)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DASHDOC_")}
    environment = {**kept, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    process = subprocess.Popen(
        program, stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, env=environment
    )
    os.close(theirs)
    output, answers = b"", [*(f"{line}\n" for line in typed), END_OF_INPUT]
    try:
        while piece := os.read(mine, 4096):
            output += piece
            if answers and output.endswith(f"\n{PROMPT}".encode()):
                os.write(mine, answers.pop(0).encode())
    except OSError:  # on Linux, how the end of a terminal is told
        pass
    os.close(mine)
    if code := process.wait():
        raise SystemExit(f"{command}: exit code {code}\n{output.decode()}")
    return output.decode()


def picture(name: str, screen: str) -> str:
    """A screen as SVG; its command stands above it as it was typed."""
    command, _ = SCREENS[name]
    typed = Text.assemble(("$ ", "dim"), (command, "bold"), "\n")
    view = Text.assemble(typed, Text.from_ansi(screen), "\n")
    return svg(recorded(view, COLUMNS), f"dashdoc {name}", f"dashdoc-{name}")


def with_screen(readme: str, screen: str) -> str:
    """The README with another first screen."""
    lines = [f"$ {SCREENS['ask'][0]}", *Text.from_ansi(screen).plain.splitlines()]
    block = "".join(f"    {line}".rstrip() + "\n" for line in lines)
    return re.sub(r"^    \$ .*?(?=^\S)", lambda _: f"{block}\n", readme, count=1, flags=re.M | re.S)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name in sys.argv[1:] or SCREENS:
        screen = shown(run(*SCREENS[name]))
        (FOLDER / f"{name}.svg").write_text(picture(name, screen), encoding="utf-8")
        if name == "ask":
            README.write_text(with_screen(README.read_text("utf-8"), screen), encoding="utf-8")
