"""Augmentations: how training slices are varied, so that a network learns what stays the same.

An `augment` list holds names, each with its defaults or with values of its own:

    augment: [flip, {affine: {share: 0.3, rotate: 20}}, contrast]

Defaults are milder than what the challenge's winners took, whose values `params/recipes` has.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from ichreport.params.mistakes import brief
from ichreport.params.yaml import Parameters

Kind = Literal["flip", "affine", "crop", "erase", "noise", "blur", "contrast"]


def _as_pair(value: Any) -> Any:
    """A list of two as a tuple, so that it cannot change.

    Raises:
        ValueError: If it is neither.
    """
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError("[smallest, largest]")
    return tuple(value)


def _area_in_words(shares: tuple[float, float]) -> str:
    """The smallest and the largest share of an area, or the one that both are."""
    return " to ".join(dict.fromkeys(f"{share:g}" for share in shares)) + " of their area"


def _ascends(pair: tuple[float, float]) -> tuple[float, float]:
    if pair[0] > pair[1]:
        raise ValueError("[smallest, largest]")
    return pair


_Share = Annotated[float, Field(gt=0, le=1)]
_Areas = Annotated[
    tuple[Annotated[float, Field(gt=0, le=1)], Annotated[float, Field(gt=0, le=1)]],
    BeforeValidator(_as_pair),
    AfterValidator(_ascends),
]


_SMALLEST_PART: Final = 0.01
"""Share of a slice's area that is left at least: a tenth of its side."""


class Augmentation(Parameters):
    """One way to vary slices.

    Attributes:
        share: Share of the slices that are varied, drawn anew each time that a slice comes.
    """

    kind: ClassVar[Kind]
    moves: ClassVar[bool] = False
    """Whether it says from where pixels are taken; else it changes their HU."""

    share: _Share = 0.5

    def values(self) -> dict[str, Any]:
        """All its values, as YAML and JSON write it."""
        return {self.kind: self.model_dump(mode="json")}

    def __str__(self) -> str:
        changed = self.model_dump(mode="json", exclude_defaults=True)
        values = ", ".join(f"{name}: {value}" for name, value in changed.items())
        return f"{self.kind} ({values})" if values else self.kind

    def words(self) -> str:
        """What happens to a slice: a sentence's end, after `slices are`."""
        raise NotImplementedError


class Flip(Augmentation):
    """Left and right exchanged: a bleed is one on either side."""

    kind = "flip"
    moves = True

    def words(self) -> str:
        """Without numbers."""
        return "flipped left to right"


class Affine(Augmentation):
    """Moved, made larger or smaller, turned and slanted, each by a uniform draw.

    Attributes:
        shift: Most that it moves along each axis, as a share of the picture's side.
        scale: Most that it grows or shrinks, as a share of its size.
        rotate: Most that it turns either way (degrees).
        shear: Most that upright lines slant (degrees).
        aspect: Most that its width over its height changes, as a share.
    """

    kind = "affine"
    moves = True

    shift: float = Field(default=0.05, ge=0, le=0.5)
    scale: float = Field(default=0.1, ge=0, le=0.5)
    rotate: float = Field(default=15.0, ge=0, le=180)
    shear: float = Field(default=0.0, ge=0, le=45)
    aspect: float = Field(default=0.0, ge=0, le=0.5)

    @model_validator(mode="after")
    def _does_something(self) -> "Affine":
        if not (self.shift or self.scale or self.rotate or self.shear or self.aspect):
            raise ValueError("all of shift, scale, rotate, shear and aspect are 0; leave it out.")
        return self

    def words(self) -> str:
        """With what is not 0."""
        parts = [
            (self.shift, f"shifted by up to {self.shift:g} of their side"),
            (self.scale, f"scaled by up to ±{self.scale:g}"),
            (self.rotate, f"rotated by up to ±{self.rotate:g}°"),
            (self.shear, f"sheared by up to ±{self.shear:g}°"),
            (self.aspect, f"stretched by up to ±{self.aspect:g}"),
        ]
        return ", ".join(text for most, text in parts if most)


class Crop(Augmentation):
    """A square part at a random place, enlarged to the whole picture.

    Attributes:
        scale: Smallest and largest share of the picture's area that is kept.
    """

    kind = "crop"
    moves = True

    scale: _Areas = (0.7, 1.0)

    @model_validator(mode="after")
    def _shows_a_part(self) -> "Crop":
        if self.scale[0] < _SMALLEST_PART:
            raise ValueError(
                f"scale is from {self.scale[0]:g}, which leaves hardly a pixel; let it begin at "
                f"{_SMALLEST_PART:g} or more."
            )
        return self

    def words(self) -> str:
        """With the areas."""
        return f"cropped to {_area_in_words(self.scale)}"


class Erase(Augmentation):
    """A rectangle at a random place set to air (Zhong et al., Random Erasing, arXiv:1708.04896).

    Attributes:
        area: Smallest and largest share of the picture's area that is erased.
    """

    kind = "erase"

    area: _Areas = (0.02, 0.2)

    @model_validator(mode="after")
    def _leaves_a_part(self) -> "Erase":
        if self.area[1] > 1 - _SMALLEST_PART:
            raise ValueError(
                f"area is up to {self.area[1]:g}, which leaves nothing of a slice to learn from; "
                f"let it end at {1 - _SMALLEST_PART:g} or less."
            )
        return self

    def words(self) -> str:
        """With the areas."""
        return f"erased in a rectangle of {_area_in_words(self.area)}"


class Noise(Augmentation):
    """White Gaussian noise.

    Attributes:
        hu: Its largest standard deviation (HU); each slice's is drawn below that.
    """

    kind = "noise"

    hu: float = Field(default=10.0, gt=0, le=200)

    def words(self) -> str:
        """With the largest standard deviation."""
        return f"given noise of up to {self.hu:g} HU"


class Blur(Augmentation):
    """A Gaussian blur.

    Attributes:
        pixels: Its largest standard deviation (pixels); each slice's is drawn below that.
    """

    kind = "blur"

    pixels: float = Field(default=0.7, gt=0, le=2)

    def words(self) -> str:
        """With the largest standard deviation."""
        return f"blurred by up to {self.pixels:g} pixels"


class Contrast(Augmentation):
    """HU multiplied and shifted, but for air: a scanner that is calibrated otherwise.

    Attributes:
        offset: Most that is added or taken away (HU).
        gain: Most that HU are multiplied by, above or below 1.
    """

    kind = "contrast"

    offset: float = Field(default=5.0, ge=0, le=200)
    gain: float = Field(default=0.05, ge=0, le=0.5)

    @model_validator(mode="after")
    def _does_something(self) -> "Contrast":
        if not (self.offset or self.gain):
            raise ValueError("offset and gain are both 0; leave it out.")
        return self

    def words(self) -> str:
        """With gain and offset."""
        return f"changed in HU by up to ±{100 * self.gain:g} % and ±{self.offset:g} HU"


Augmentations = tuple[Augmentation, ...]

KINDS: Final[Mapping[str, type[Augmentation]]] = {
    kind.kind: kind for kind in (Flip, Affine, Crop, Erase, Noise, Blur, Contrast)
}
"""Every augmentation, by its name."""

FLIP_ALONE: Final[Augmentations] = (Flip(),)
"""What training on slices does unless told otherwise."""


def sentence(augmentations: Augmentations) -> str:
    """What happens to slices in training."""
    if not augmentations:
        return "No augmentation."
    if augmentations == FLIP_ALONE:
        return "Half of the slices are flipped left to right."
    parts = [f"{one.words()} (a share of {one.share:g})" for one in augmentations]
    return f"In training, slices are by chance {'; '.join(parts)}."


def resamples(augmentations: Augmentations) -> bool:
    """Whether pixels are taken from between others, and not only mirrored."""
    return any(one.moves and one.kind != "flip" for one in augmentations)


def parse(items: Sequence[Any], *, where: str = "augment") -> Augmentations:
    """Read an `augment` list.

    Args:
        items: Each a name, or a mapping of one name to values.
        where: Named in errors.

    Raises:
        ValueError: If a name is unknown or comes twice, or a value is out of range.
    """
    parsed: dict[str, Augmentation] = {}
    for item in items:
        name, values = _name_and_values(item, where)
        if name not in KINDS:
            raise ValueError(
                f"{where}: {brief(name)} is no augmentation. There are {', '.join(KINDS)}."
            )
        if name in parsed:
            raise ValueError(f"{where}: {name} stands twice; each augmentation comes once.")
        parsed[name] = KINDS[name].parse(values, where=f"{where}: {name}")
    return tuple(parsed.values())


def _name_and_values(item: Any, where: str) -> tuple[Any, Mapping[str, Any]]:
    if isinstance(item, str):
        return item, {}
    if isinstance(item, Mapping) and len(item) == 1:
        [(name, values)] = item.items()
        if values is None:
            return name, {}
        if isinstance(values, Mapping):
            return name, values
    raise ValueError(
        f"{where}: each item must be a name or one name with its values, as "
        f"{{affine: {{rotate: 15}}}}, got {brief(item)}."
    )
