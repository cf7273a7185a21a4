"""Figures as people read them."""

import sys
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("torch", "triton", "transformers", "pypdf")


def count(number: int) -> str:
    return f"{number:,}"


def counted(number: int, noun: str) -> str:
    """`1 page`, `1,204 pages`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}%"


def seconds(time: float) -> str:
    """Two or three digits that count, in the unit for them."""
    if time < 0.1:
        return f"{1000 * time:.0f} ms"
    if time >= 60:
        return f"{int(time) // 60}:{int(time) % 60:02} min"
    return f"{time:.0f} s" if time >= 10 else f"{time:.1f} s" if time >= 1 else f"{time:.2f} s"


def clock(time: int) -> str:
    """Whole seconds as `1:02:03` or `02:03`."""
    hours = f"{time // 3600}:" if time >= 3600 else ""
    return f"{hours}{time // 60 % 60:02}:{time % 60:02}"


def rate(per_second: float) -> str:
    return f"{per_second:,.0f}" if per_second >= 10 else f"{per_second:.1f}"


def moment(time: datetime) -> str:
    """A local date and time, to the minute."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M")


def size(number: int) -> str:
    """Bytes in the unit that leaves three digits."""
    for unit, shift in (("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if abs(number) >= 1 << shift:
            value = number / (1 << shift)
            return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.1f} {unit}"
    return f"{number} B"


def versions() -> dict[str, str]:
    """What is installed, without importing it."""
    found = {"dashdoc": _version("dashdoc") or "unknown"}
    found["python"] = ".".join(map(str, sys.version_info[:3]))
    found.update({name: v for name in PACKAGES if (v := _version(name))})
    return found


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
