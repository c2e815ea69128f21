"""The typeface of the pictures: the one that the PDF library carries, so that no system font is needed."""

from functools import cache
from importlib.resources import as_file, files
from io import BytesIO

from PIL import ImageFont


@cache
def font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """The typeface at a height in pixels."""
    with as_file(files("reportlab") / "fonts" / ("VeraBd.ttf" if bold else "Vera.ttf")) as path:
        return ImageFont.truetype(BytesIO(path.read_bytes()), size)
