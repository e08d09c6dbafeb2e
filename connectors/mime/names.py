"""File names: what is shown and offered for saving, made safe; the sender's own is kept beside it."""

import re
import unicodedata

from connectors.mime import limits
from connectors.mime.charsets import SURROGATES

FORBIDDEN = re.compile(r'[<>:"|?*\x00-\x1f\x7f-\x9f]')
# What turns the reading direction or cannot be seen: "invoice\u202efdp.exe" shows as "invoiceexe.pdf".
INVISIBLE = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]")
DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\.|$)", re.IGNORECASE)
DANGEROUS = frozenset(
    re.findall(
        r"\S+",
        """ade adp apk app appref-ms appx bas bat chm cmd com command cpl desktop dll dmg docm dotm elf exe gadget
        hta htm html img inf ins iso isp jar jnlp js jse ksh lnk mam maf mda mde mht mhtml msc msh msi msix msp mst
        ocx pif pl potm ppam pptm prf ps1 psd1 psm1 py pyc pyw rb reg rgs scf scr sct sh shb shs svg svgz swf sys
        url vb vbe vbs vhd vhdx vxd ws wsc wsf wsh xhtml xht xla xlam xll xlsm xltm xsl""",
    )
)


def safe(original: str, fallback: str) -> tuple[str, set[str]]:
    """A name without path, control and direction characters, at most 255 bytes; and flags."""
    flags = set()
    name = SURROGATES.sub("\ufffd", original)
    if len(name.encode()) > limits.FILE_NAME:
        flags.add("name_limit")
    if INVISIBLE.search(name):
        flags.add("name_disguised")
    name = unicodedata.normalize("NFC", INVISIBLE.sub("", name[: 16 * limits.FILE_NAME]))
    name = re.split(r"[/\\]", FORBIDDEN.sub(lambda match: "" if match[0] < " " else "_", name))[-1]
    name = re.sub(r"^[\s.]+|[\s.]+$", "", name)
    name = re.sub(r"^-", "_", name)
    if DEVICE.match(name):
        name = f"_{name}"
    if extension(name) in DANGEROUS:
        flags.add("dangerous_type")
    return _shorten(name) or fallback, flags


def extension(name: str) -> str:
    """In lower case, without its dot."""
    stem, dot, last = name.rpartition(".")
    return last.lower() if dot and stem else ""


def _shorten(name: str) -> str:
    data = name.encode()
    if len(data) <= limits.FILE_NAME:
        return name
    tail = f".{extension(name)}".encode() if 0 < len(extension(name).encode()) <= 16 else b""
    return (data[: limits.FILE_NAME - len(tail)] + tail).decode("utf-8", "ignore")
