"""The small picture in a signature."""

import io

from PIL import Image, ImageDraw

from zalion.demo.suppliers import Company


def png(company: Company) -> bytes:
    """A 160 x 44 PNG: the company's initial in a coloured disc and three bars beside it."""
    image = Image.new("RGB", (160, 44), "white")
    draw = ImageDraw.Draw(image)
    draw.ellipse((2, 2, 42, 42), fill=company.color)
    draw.text((22, 22), company.name[0], fill="white", anchor="mm", font_size=26)
    for index, width in enumerate((100, 76, 52)):
        draw.rectangle((54, 9 + index * 10, 54 + width, 13 + index * 10), fill=company.color)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
