"""A person without a mouse: the keyboard alone, with the focus in sight at every step."""

from pathlib import Path

from playwright.sync_api import Locator, Page, expect

FAULT = (Path(__file__).parent / "focus.js").read_text()
_MOST = 150


class Keys:
    """Keys pressed in one window."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def to(self, target: Locator, back: bool = False) -> None:
        """Tab on, or back, until the target has the focus."""
        expect(target).to_be_visible()
        for _ in range(_MOST):
            self.page.keyboard.press("Shift+Tab" if back else "Tab")
            fault = self.page.evaluate(FAULT)
            assert fault == "", f"{fault}, on the way to {target}"
            if target.evaluate("element => element === document.activeElement"):
                return
        raise AssertionError(f"not reached: {target}")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def use(self, target: Locator, key: str = "Enter", back: bool = False) -> None:
        """Go to a link, a button or a box, and press it."""
        self.to(target, back)
        self.press(key)

    def write(self, target: Locator, text: str) -> None:
        self.to(target)
        self.page.keyboard.type(text)

    def stays_at(self, target: Locator) -> None:
        """What has the focus is this, and can be seen."""
        expect(target).to_be_focused()
        assert self.page.evaluate(FAULT) == ""
