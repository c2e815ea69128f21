"""Places in an order that never need renumbering: between any two ranks there is another.

A rank is text that sorts by its bytes: a head of fixed length that counts up and down when cards are put last or first,
and a tail that is added when a card is put between two neighbours. A tail never ends in ``0``.
"""

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BASE = len(DIGITS)
_HEAD = 6
_MIDDLE = DIGITS[_BASE // 2] + DIGITS[0] * (_HEAD - 1)


def between(low: str | None, high: str | None) -> str:
    """A rank above ``low`` and below ``high``; None is no neighbour on that side."""
    if low is None and high is None:
        return _MIDDLE
    if high is None:
        return _step(low or "", 1)
    if low is None:
        return _step(high, -1)
    return _midpoint(low, high)


def _step(rank: str, by: int) -> str:
    number = 0
    for digit in rank[:_HEAD]:
        number = number * _BASE + DIGITS.index(digit)
    number += by
    head = ""
    for _ in range(_HEAD):
        number, digit_value = divmod(number, _BASE)
        head = DIGITS[digit_value] + head
    return head


def _midpoint(low: str, high: str) -> str:
    made = ""
    while True:
        at = len(made)
        least = DIGITS.index(low[at]) if at < len(low) else 0
        most = DIGITS.index(high[at]) if at < len(high) else _BASE
        middle = (least + most) // 2
        if middle > least:
            return made + DIGITS[middle]
        made += DIGITS[least]
        if most > least:
            high = ""
