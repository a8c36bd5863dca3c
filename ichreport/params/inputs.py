"""What a network sees of a slice: channels = windows x neighbours.

An input is a list of windows, their shape and how many neighbours a slice comes with. Four words
are short forms of the poster's inputs. Each input has a name, by which features and views know it:
the word where one says the same, else one like `brain_subdural_c50w130-linear-1`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import PlainValidator

from ichreport.params.mistakes import brief

Input = Literal["raw", "linear", "sigmoid", "adjacent"]
WindowShape = Literal["linear", "sigmoid"]

MOST_NEIGHBOURS: Final = 2
"""Slices on each side of a slice that a network may see, at most."""

_MOST_WINDOWS: Final = 8
_MOST_DIGITS: Final = 8
"""Of a center or a width: names of files hold them."""
_HU: Final = (-1024, 3071)
"""What a slice of a store holds."""


@dataclass(frozen=True)
class Window:
    """A band of CT intensities, by its center and full width (both HU)."""

    center: float
    width: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.width) and self.width > 0):
            raise ValueError(f"Window width must be positive (HU), got {self.width!r}.")
        if not math.isfinite(self.center):
            raise ValueError(f"Window center must be finite (HU), got {self.center!r}.")

    @property
    def ends(self) -> tuple[float, float]:
        """The lowest and the highest HU of the band."""
        return self.center - self.width / 2, self.center + self.width / 2


NAMED_WINDOWS: Final[Mapping[str, Window]] = {
    "brain": Window(40, 80),
    "subdural": Window(80, 200),
    "bone": Window(600, 2800),
    "soft": Window(40, 380),
}
"""Windows that have a name; the first three are the poster's."""

_NAMES: Final = {window: name for name, window in NAMED_WINDOWS.items()}
_COUNTS: Final = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True)
class InputSpec:
    """What a network sees of a slice.

    The channels come slice by slice, from the lowest z to the highest, and within a slice window by
    window, in the order of `windows`.

    Attributes:
        windows: Each becomes a channel in [0, 1]; with none a slice is one channel, a scanner's
            range scaled to [0, 1].
        window_shape: How a window's HU become numbers: `linear` and clipped, or a `sigmoid`.
        neighbours: Slices on each side that come with a slice.
    """

    windows: tuple[Window, ...] = ()
    window_shape: WindowShape = "linear"
    neighbours: int = 0

    @property
    def slices_seen(self) -> int:
        """Slices that a network sees to judge one."""
        return 1 + 2 * self.neighbours

    @property
    def channels(self) -> int:
        """Numbers a pixel."""
        return self.slices_seen * max(1, len(self.windows))

    @property
    def name(self) -> str:
        """A short form, or the windows, their shape and the neighbours; fit for a file's name."""
        short = _SHORT_FORMS.get(self)
        if short:
            return short
        windows = "_".join(_NAMES.get(window) or _coded(window) for window in self.windows)
        return f"{windows or 'raw'}-{self.window_shape}-{self.neighbours}"

    @property
    def words(self) -> str:
        """What it is, in a sentence."""
        around = f"a slice and its {_counted(2 * self.neighbours)} neighbours"
        channels = f"{_counted(self.channels)} channels"
        if not self.windows:
            scaled = "HU clipped to a 12-bit scanner's range and scaled to [0, 1]"
            if not self.neighbours:
                return scaled
            return f"{around} as {channels}, HU scaled to [0, 1]"
        windows = f"the {_listed([_said(window) for window in self.windows])} window"
        windows += "s" if len(self.windows) > 1 else ""
        shape = {"linear": "linear", "sigmoid": "a sigmoid"}[self.window_shape]
        if self.channels == 1:
            return f"{windows}, {shape}"
        seen = f"{around}, each through {windows}," if self.neighbours else windows
        return f"{seen} as {channels}, each {shape}"

    def facts(self) -> dict[str, Any]:
        """What it is, as JSON takes it."""
        return {
            "windows": [[float(w.center), float(w.width)] for w in self.windows],
            "window_shape": self.window_shape,
            "neighbours": self.neighbours,
        }


_POSTER: Final = tuple(NAMED_WINDOWS[name] for name in ("brain", "subdural", "bone"))

INPUTS: Final[Mapping[Input, InputSpec]] = {
    "raw": InputSpec(),
    "linear": InputSpec(_POSTER, "linear"),
    "sigmoid": InputSpec(_POSTER, "sigmoid"),
    "adjacent": InputSpec(neighbours=1),
}
"""What the short forms stand for."""

_SHORT_FORMS: Final = {spec: word for word, spec in INPUTS.items()}


def input_spec(name: str) -> InputSpec:
    """The input of a name, as `InputSpec.name` gives it.

    Raises:
        ValueError: If no input has that name.
    """
    if name in INPUTS:
        return INPUTS[name]  # type: ignore[index]
    try:
        windows, shape, neighbours = name.rsplit("-", 2)
        bands = () if windows == "raw" else tuple(map(_decoded, windows.split("_")))
        spec = InputSpec(bands, shape, int(neighbours))  # type: ignore[arg-type]
    except ValueError:
        spec = None
    if spec is None or spec.name != name or not _is_allowed(spec):
        raise ValueError(
            f"input must be {', '.join(INPUTS)}, or windows, their shape and neighbours, such as "
            f"brain_c50w130-linear-1, got {brief(name)}."
        )
    return spec


def combined(
    word: Input,
    windows: Sequence[str | Mapping[str, float]] | None,
    window_shape: WindowShape | None,
    neighbours: int | None,
) -> InputSpec:
    """The input that a short form and what is said beside it make together.

    Args:
        word: The short form; `raw` leaves windows and neighbours to the others.
        windows: Names or `{center, width}`; None as the word says.
        window_shape: None as the word says, and `linear` beside `windows`.
        neighbours: None as the word says.

    Raises:
        ValueError: If they contradict each other; the message says the cure.
    """
    spec = INPUTS[word]
    if windows is not None and word != "raw":
        raise ValueError(
            f"input {word} says by itself what becomes of HU, and windows are given too; leave "
            "input out and say windows, window_shape and neighbours."
        )
    bands = spec.windows if windows is None else tuple(map(_band, windows))
    if window_shape is not None and not bands:
        raise ValueError(
            f"window_shape {window_shape} shapes windows, and input {word} has none; add windows, "
            "such as [brain, subdural, bone], or leave window_shape out."
        )
    if spec.windows and window_shape not in (None, spec.window_shape):
        raise ValueError(
            f"input {word} has {spec.window_shape} windows, and window_shape is {window_shape}; "
            f"say input: {window_shape}, or leave one of them out."
        )
    if spec.neighbours and neighbours not in (None, spec.neighbours):
        raise ValueError(
            f"input {word} is a slice with {spec.neighbours} neighbour on each side, and "
            f"neighbours is {neighbours}; leave input out, or neighbours."
        )
    return InputSpec(
        bands,
        window_shape or spec.window_shape,
        spec.neighbours if neighbours is None else neighbours,
    )


def _windows(value: Any) -> list[str | dict[str, float]] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not 1 <= len(value) <= _MOST_WINDOWS:
        raise ValueError(f"null, or a list of 1 to {_MOST_WINDOWS} windows")
    bands = [_band(window) for window in value]
    if len(set(bands)) < len(bands):
        raise ValueError("a list of windows of which none stands twice")
    return value


def _band(window: Any) -> Window:
    """A window of a parameter file: its name, or its center and width."""
    if isinstance(window, str) and window in NAMED_WINDOWS:
        return NAMED_WINDOWS[window]
    is_band = isinstance(window, Mapping) and set(window) == {"center", "width"}
    if not is_band or not all(_is_plain(window[key]) for key in ("center", "width")):
        raise ValueError(
            f"a list of {', '.join(NAMED_WINDOWS)} or {{center: HU, width: HU}} of at most "
            f"{_MOST_DIGITS} digits"
        )
    center, width = window["center"], window["width"]
    if width < 1 or center + width / 2 <= _HU[0] or center - width / 2 >= _HU[1]:
        raise ValueError(
            f"a list of windows at least 1 HU wide that show something of {_HU[0]} to {_HU[1]} HU"
        )
    return Window(float(center), float(width))


def _is_plain(number: Any) -> bool:
    """Whether it is a number that a name can hold."""
    if type(number) not in (int, float) or not math.isfinite(number):
        return False
    return len(_number(number)) <= _MOST_DIGITS and "e" not in _number(number)


def _is_allowed(spec: InputSpec) -> bool:
    """Whether a parameter file could say it."""
    said = [{"center": window.center, "width": window.width} for window in spec.windows]
    try:
        _windows(said or None)
    except ValueError:
        return False
    shapes = get_args(WindowShape) if spec.windows else ("linear",)
    return spec.window_shape in shapes and 0 <= spec.neighbours <= MOST_NEIGHBOURS


def _number(value: float) -> str:
    return repr(float(value)).removesuffix(".0")


def _coded(window: Window) -> str:
    return f"c{_number(window.center)}w{_number(window.width)}"


def _decoded(code: str) -> Window:
    if code in NAMED_WINDOWS:
        return NAMED_WINDOWS[code]
    center, _, width = code.removeprefix("c").partition("w")
    return Window(float(center), float(width))


def _said(window: Window) -> str:
    name = _NAMES.get(window)
    return name.capitalize() if name else f"{_number(window.center)}/{_number(window.width)} HU"


def _listed(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _counted(count: int) -> str:
    return _COUNTS[count] if count < len(_COUNTS) else str(count)


Windows = Annotated[list[str | dict[str, float]] | None, PlainValidator(_windows)]
"""The windows of a parameter file."""
