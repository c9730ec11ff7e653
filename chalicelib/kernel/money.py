"""Money is an `int` of fen, everywhere. These are the only two operations on it that are more than arithmetic."""

from collections.abc import Sequence


def share(total: int, weights: Sequence[int]) -> list[int]:
    """Split `total` fen over `weights` by largest remainder: the parts add up to `total` exactly.

    Weights are not negative. When all are zero the parts are as even as possible. Ties go to the earlier line.
    No part exceeds its weight as long as `total <= sum(weights)`, so a discount never makes a line negative.
    """
    if total < 0 or any(weight < 0 for weight in weights):
        raise ValueError("share() takes no negative amounts")
    if not weights:
        if total:
            raise ValueError("nothing to share over")
        return []
    basis = list(weights) if any(weights) else [1] * len(weights)
    whole = sum(basis)
    parts = [total * weight // whole for weight in basis]
    by_remainder = sorted(range(len(basis)), key=lambda i: (-(total * basis[i] % whole), i))
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return parts


def yuan(fen: int) -> str:
    """`1990` as `19.90`, for texts."""
    sign, fen = ("-", -fen) if fen < 0 else ("", fen)
    return f"{sign}{fen // 100}.{fen % 100:02d}"
