"""Slices mixed in pairs while convolutions train: mixup and CutMix."""


def problem(mixup: float, cutmix: float, *, trains_on_slices: bool, batch_size: int) -> str:
    """Why slices cannot be mixed so, with the cure; nothing if they can, or are not.

    Args:
        mixup: The parameter of mixup's Beta distribution; 0 mixes none.
        cutmix: That of CutMix.
        trains_on_slices: Whether convolutions train.
        batch_size: Slices a batch, of which pairs are drawn.
    """
    asked = [name for name, value in (("mixup", mixup), ("cutmix", cutmix)) if value]
    if not asked:
        return ""
    if not trains_on_slices:
        return (
            f"{asked[0]} mixes the slices that convolutions train on, and here a head trains on "
            f"stored features; leave {asked[0]} out, or let layers train: trainable_layers."
        )
    if batch_size == 1:
        return (
            f"{asked[0]} mixes the slices of a batch in pairs, and batch_size is 1; make it larger."
        )
    return ""


def sentence(mixup: float, cutmix: float) -> str:
    """What is mixed in training; nothing where nothing is."""
    if not mixup and not cutmix:
        return ""
    ways = []
    if mixup:
        ways.append(f"mixed with another by mixup (alpha {mixup:g})")
    if cutmix:
        ways.append(f"given a rectangle of another by CutMix (alpha {cutmix:g})")
    which = (
        "In training, each slice is" if len(ways) == 1 else "In training, half of the slices are"
    )
    told = ", the others ".join(ways)
    return f"{which} {told}; so are their labels, by the same share."
