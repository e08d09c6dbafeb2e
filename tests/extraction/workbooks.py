"""Workbooks made by hand, part by part, so that tests can also make the ones no program would write."""

import io
import zipfile
from collections.abc import Sequence
from xml.sax.saxutils import escape

Value = str | int | float | None

TYPES = """<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="xml" ContentType="application/xml"/>
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/></Types>"""
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
# Number formats: 1 is a date, 2 a percentage.
STYLES = f"""<?xml version="1.0"?><styleSheet xmlns="{MAIN}"><cellXfs count="3"><xf numFmtId="0"/><xf numFmtId="14"/>
<xf numFmtId="9"/></cellXfs></styleSheet>"""


class Day(int):
    """A date as Excel counts it: days since the end of 1899."""


class Share(float):
    """A number shown as a percentage."""


def reference(row: int, column: int) -> str:
    return f"{chr(65 + column)}{row + 1}"


def cell(row: int, column: int, value: Value) -> str:
    at = reference(row, column)
    if value is None:
        return ""
    if isinstance(value, str):
        return f'<c r="{at}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'
    style = ' s="1"' if isinstance(value, Day) else ' s="2"' if isinstance(value, Share) else ""
    return f'<c r="{at}"{style}><v>{value!r}</v></c>'


def sheet(rows: Sequence[Sequence[Value]]) -> str:
    made = "".join(
        f'<row r="{number + 1}">{"".join(cell(number, column, value) for column, value in enumerate(row))}</row>'
        for number, row in enumerate(rows)
    )
    return f'<?xml version="1.0"?><worksheet xmlns="{MAIN}"><sheetData>{made}</sheetData></worksheet>'


def xlsx(
    sheets: dict[str, Sequence[Sequence[Value]] | str],
    *,
    hidden: Sequence[str] = (),
    more: dict[str, bytes] | None = None,
) -> bytes:
    """A workbook; a sheet is rows of values, or the XML of one."""
    names = list(sheets)
    states = {name: ' state="hidden"' if name in hidden else "" for name in names}
    listed = "".join(
        f'<sheet name="{name}" sheetId="{number}" r:id="rId{number}"{states[name]}/>'
        for number, name in enumerate(names, start=1)
    )
    related = "".join(
        f'<Relationship Id="rId{number}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{number}.xml"/>'
        for number in range(1, len(names) + 1)
    )
    parts = {
        "[Content_Types].xml": TYPES,
        "_rels/.rels": f'<?xml version="1.0"?><Relationships xmlns="{RELATIONS}"><Relationship Id="rId1" '
        f'Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<?xml version="1.0"?><workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{listed}</sheets>'
        "</workbook>",
        "xl/_rels/workbook.xml.rels": f'<?xml version="1.0"?><Relationships xmlns="{RELATIONS}">{related}'
        f'<Relationship Id="rId99" Type="{OFFICE}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": STYLES,
    }
    for number, name in enumerate(names, start=1):
        content = sheets[name]
        parts[f"xl/worksheets/sheet{number}.xml"] = content if isinstance(content, str) else sheet(content)
    return packed({**{name: text.encode() for name, text in parts.items()}, **(more or {})})


def packed(parts: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def ods(rows: str) -> bytes:
    """An OpenDocument sheet from the XML of its rows."""
    names = "urn:oasis:names:tc:opendocument:xmlns"
    content = f"""<?xml version="1.0"?><office:document-content xmlns:office="{names}:office:1.0"
    xmlns:table="{names}:table:1.0" xmlns:text="{names}:text:1.0"><office:body><office:spreadsheet>
    <table:table table:name="AB">{rows}</table:table></office:spreadsheet></office:body></office:document-content>"""
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("mimetype", kind)
        archive.writestr("content.xml", content, zipfile.ZIP_DEFLATED)
        archive.writestr(
            "META-INF/manifest.xml",
            f'<?xml version="1.0"?><manifest:manifest xmlns:manifest="{names}:manifest:1.0">'
            f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/></manifest:manifest>',
        )
    return buffer.getvalue()
