"""HTML bodies of unseen suppliers."""

from collections.abc import Sequence
from html import escape

from tests.extraction.unseen_files.mails import Mail
from tests.extraction.unseen_files.orders import Order

WORD = "margin:0cm;font-size:11.0pt;font-family:&quot;Calibri&quot;,sans-serif"


class HtmlMail(Mail):
    def __init__(self, order: Order) -> None:
        super().__init__(order)
        self.style = order.trait("word", "plain", "fancy")

    def made(self) -> str:
        order = self.order
        parts = [self._p(order.pick("hello"))] if order.has(0.6) else []
        if order.has(0.5) and order.kind == "order_confirmation":
            parts.append(self._p(order.pick("thanks")))
        title = order.rng.choice(["h1", "h2", "p"])
        parts.insert(order.rng.choice([0, len(parts)]), f"<{title}><b>{escape(self.title)}</b></{title}>")
        parts += [self._header(), self._positions()]
        parts.append(
            "<br>".join(escape(line) for line in self.signature())
            if order.has(0.5)
            else "".join(self._p(line) for line in self.signature())
        )
        parts.append(f'<p style="font-size:8pt;color:#888">{escape(order.pick("closing"))}</p>')
        inner = "\n".join(parts)
        if self.style == "fancy":
            inner = (
                f'<table width="600" align="center"><tr><td style="padding:20px">{inner}</td></tr></table>'
            )
            if order.has(0.5):
                inner = f'<table width="100%" bgcolor="#eee"><tr><td align="center">{inner}</td></tr></table>'
        if order.has(0.35):
            inner += self._reply()
        head = "<head><style>p.MsoNormal{margin:0}</style><title>x</title></head>"
        return f"<html>{head}<body lang=DE>{inner}</body></html>"

    def _p(self, text: str) -> str:
        shown = escape(text) or "&nbsp;"
        if self.style == "word":
            return (
                f'<p class=MsoNormal style="{WORD}"><span style="color:#1F497D">{shown}<o:p></o:p></span></p>'
            )
        return f"<p>{shown}</p>" if self.style == "plain" else f'<div style="font-family:Arial">{shown}</div>'

    def _cell(self, text: str, tag: str = "td", more: str = "") -> str:
        shown = escape(text) or "&nbsp;"
        shown = shown.replace(" ", "&nbsp;") if self.order.has(0.05) else shown
        if self.style == "word":
            span = f'<span lang=DE style="font-size:9.0pt">{shown}<o:p></o:p></span>'
            shown = f'<p class=MsoNormal style="{WORD}">{span}</p>'
        elif tag == "td" and self.style == "fancy":
            shown = f"<font face=Arial size=2>{shown}</font>"
        return f'<{tag}{more} style="border:solid 1px;padding:2px">{shown}</{tag}>'

    def _header(self) -> str:
        order = self.order
        pairs = order.header()
        shape = order.trait(
            "kv-table", "kv-br", "kv-list", "kv-divs", "kv-bold", "kv-across", "kv-spans", "kv-side"
        )
        if shape == "kv-table":
            return (
                "<table>"
                + "".join(
                    f"<tr>{self._cell(label + order.rng.choice(['', ':']))}{self._cell(value)}</tr>"
                    for label, value in pairs
                )
                + "</table>"
            )
        if shape == "kv-side":
            cells = [self._cell(f"{label}:") + self._cell(value) for label, value in pairs]
            return (
                "<table>"
                + "".join(f"<tr>{''.join(cells[at : at + 2])}</tr>" for at in range(0, len(cells), 2))
                + "</table>"
            )
        if shape == "kv-across":
            heads = "".join(self._cell(label, "th") for label, _ in pairs)
            return (
                f"<table><tr>{heads}</tr><tr>{''.join(self._cell(value) for _, value in pairs)}</tr></table>"
            )
        if shape == "kv-list":
            return (
                "<ul>"
                + "".join(f"<li>{escape(label)}: <b>{escape(value)}</b></li>" for label, value in pairs)
                + "</ul>"
            )
        if shape == "kv-divs":
            return "".join(f"<div>{escape(label)}:&nbsp;{escape(value)}</div>" for label, value in pairs)
        if shape == "kv-bold":
            return (
                "<p>"
                + "<br/>".join(f"<b>{escape(label)}:</b> {escape(value)}" for label, value in pairs)
                + "</p>"
            )
        if shape == "kv-spans":
            return "".join(
                f"<p><span>{escape(label)}</span><span>: </span><span>{escape(value)}</span></p>"
                for label, value in pairs
            )
        return "<p>" + "<br>\n".join(f"{escape(label)}: {escape(value)}" for label, value in pairs) + "</p>"

    def _positions(self) -> str:
        order = self.order
        shape = order.trait("table", "table", "table", "stacked", "cards", "divs", "items")
        if shape == "cards":
            return self._cards()
        names = order.layout()
        heads = order.heads(names)
        rows = [[order.cells(item)[name] for name in names] for item in order.items]
        if shape == "items":
            made = ""
            for row in rows:
                pairs = [
                    f"{escape(head)}: {escape(cell)}" for head, cell in zip(heads, row, strict=True) if cell
                ]
                made += f"<li>{'; '.join(pairs)}</li>"
            return f"<ol>{made}</ol>{self._sums()}"
        if shape == "divs":
            made = "".join(
                f'<div style="display:table-row">{"".join(self._div(cell) for cell in row)}</div>'
                for row in [heads, *rows]
            )
            return f'<div style="display:table;width:100%">{made}</div>{self._sums()}'
        if shape == "stacked" and names.index("description") - names.index("article") == 1:
            at = names.index("article")
            heads[at : at + 2] = [f"{heads[at]}<br>{heads[at + 1]}"]
            rows = [[*row[:at], f"{row[at]}<br>{row[at + 1]}", *row[at + 2 :]] for row in rows]
        return self._table(names, heads, rows)

    def _div(self, text: str) -> str:
        return f'<div style="display:table-cell;padding:4px">{escape(text) or "&nbsp;"}</div>'

    def _table(self, names: Sequence[str], heads: list[str], rows: list[list[str]]) -> str:
        order = self.order
        tag = order.rng.choice(["th", "td"])
        bold = tag == "td" and order.has(0.5)
        made = "".join(self._cell(f"<b>{head}</b>" if bold else head, tag) for head in heads)
        made = made.replace("&lt;", "<").replace("&gt;", ">")
        head = f"<tr>{made}</tr>"
        head = f"<thead>{head}</thead>" if order.has(0.3) else head
        lines = "".join(f"<tr>{''.join(self._cell(cell) for cell in row)}</tr>" for row in rows).replace(
            "&lt;br&gt;", "<br>"
        )
        foot = ""
        if order.priced and order.has(0.5):
            order.traits.append("sums-inside")
            span = len(heads) - len(names) + names.index("total")
            foot = "".join(
                f"<tr>{self._cell(label, 'td', f' colspan={span} align=right')}{self._cell(value)}</tr>"
                for label, value in self.sums()
            )
        table = f'<table border="1" cellspacing="0">{head}<tbody>{lines}{foot}</tbody></table>'
        return table if foot else table + self._sums()

    def _sums(self) -> str:
        rows = self.sums()
        if self.order.has(0.5):
            return (
                "<table align=right>"
                + "".join(f"<tr>{self._cell(label)}{self._cell(value)}</tr>" for label, value in rows)
                + "</table>"
            )
        return "".join(self._p(f"{label}: {value}") for label, value in rows)

    def _cards(self) -> str:
        """A small table for each position: label and value."""
        order = self.order
        names = order.layout()
        heads = order.heads(names)
        made = ""
        for item in order.items:
            cells = order.cells(item)
            made += (
                "<table border=1>"
                + "".join(
                    f"<tr>{self._cell(head)}{self._cell(cells[name])}</tr>"
                    for head, name in zip(heads, names, strict=True)
                    if cells[name]
                )
                + "</table><br>"
            )
        return made + self._sums()

    def _reply(self) -> str:
        order = self.order
        quoted = "<br>".join(escape(line) for line in self.quoted())
        below = [escape(line) for line in self.reply()]
        shape = order.trait("blockquote", "gmail", "outlook-rule", "mobile")
        if shape == "blockquote":
            return f"<div>{below[0]}</div><blockquote type=cite>{quoted}</blockquote>"
        if shape == "gmail":
            return f'<div class="gmail_quote"><div class="gmail_attr">{below[0]}</div>{quoted}</div>'
        lines = "<br>".join(f"<b>{line.partition(' ')[0]}</b> {line.partition(' ')[2]}" for line in below)
        if shape == "outlook-rule":
            border = "border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm"
            return f'<div style="{border}"><p class=MsoNormal>{lines}</p></div><p>{quoted}</p>'
        return f"<hr><p>{lines}</p><div>{quoted}</div>"
