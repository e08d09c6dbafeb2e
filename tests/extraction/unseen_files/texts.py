"""Plain text bodies of unseen suppliers."""

import textwrap
from collections.abc import Sequence

from tests.extraction.unseen_files.mails import Mail
from tests.extraction.unseen_files.orders import Item


class TextMail(Mail):
    def made(self) -> str:
        order = self.order
        lines = [*self._greeting(), *self._header(), "", *self._positions(), "", *self._totals()]
        signed = self.signature()
        lines += ["", "-- " if order.has(0.3) else "", *signed]
        if order.has(0.5):
            lines += ["", *textwrap.wrap(order.pick("closing"), 72)]
        if order.has(0.25):
            order.traits.append("forwarded")
            marker = order.pick("forwarded")
            subject = self.title
            if order.has(0.4) and order.kind != "order":
                # Outlook says nothing but the head, and the subject is the supplier's.
                order.traits.append("by-outlook")
                marker, subject = "", f"{order.rng.choice(['', 'WG: ', 'FW: '])}{self.title} {order.number}"
            heads = [
                f"{head} {value}"
                for head, value in zip(
                    order.words["outlook"],
                    [
                        "Vertrieb <info@lieferant.example>",
                        order.day(order.date),
                        "Einkauf <einkauf@kunde.example>",
                        subject,
                    ],
                    strict=True,
                )
            ]
            lines = [*(["FYI"] if order.has(0.5) else []), "", marker, *heads, "", *lines]
        elif order.has(0.35):
            below = self.reply()
            quoted = self.quoted()
            sign = "> " if below[0] == order.words["wrote"][0].format(date=order.day(order.date)) else ""
            lines += ["", *below, *([""] if not sign else []), *[sign + line for line in quoted]]
        return order.rng.choice(["\n", "\r\n"]).join(lines) + "\n"

    def _greeting(self) -> list[str]:
        order = self.order
        lines = []
        if order.has(0.6):
            lines += [order.pick("hello"), ""]
            if order.kind == "order_confirmation":
                lines += [*textwrap.wrap(order.pick("thanks"), 60), ""]
        return [*lines, self.title, *([("=" * len(self.title))] if order.has(0.2) else []), ""]

    def _header(self) -> list[str]:
        order = self.order
        pairs = order.header()
        shape = order.trait("head-colon", "head-aligned", "head-tabs", "head-dots", "head-pairs")
        width = max(len(label) for label, _ in pairs) + 2
        if shape == "head-colon":
            return [f"{label}: {value}" for label, value in pairs]
        if shape == "head-pairs":
            cells = [f"{label}: {value}" for label, value in pairs]
            return [
                "      ".join(f"{cell:<34}" for cell in cells[at : at + 2]).rstrip()
                for at in range(0, len(cells), 2)
            ]
        if shape == "head-tabs":
            return [f"{label}:\t{value}" for label, value in pairs]
        if shape == "head-dots":
            return [f"{label} {'.' * (width - len(label) + 3)} {value}" for label, value in pairs]
        return [f"{label:<{width}}: {value}" for label, value in pairs]

    def _totals(self) -> list[str]:
        rows = self.sums()
        width = max((len(label) for label, _ in rows), default=0) + 3
        if self.order.has(0.5):
            return [f"{label}: {value}" for label, value in rows]
        return [f"{label + ':':<{width}} {value:>14}" for label, value in rows]

    def _positions(self) -> list[str]:
        order = self.order
        shape = order.trait(
            "aligned", "aligned", "ruled", "tabs", "sentences", "bullets", "blocks", "wrapped", "piped"
        )
        if shape in {"sentences", "bullets"}:
            return self._sentences(bulleted=shape == "bullets")
        if shape == "blocks":
            return self._blocks()
        names = order.layout()
        rows = [[order.cells(item)[name] for name in names] for item in order.items]
        heads = order.heads(names)
        if shape == "tabs":
            return ["\t".join(row) for row in [heads, *rows]]
        if shape == "piped":
            return [f"| {' | '.join(row)} |" for row in _padded([heads, *rows], names)]
        return self._aligned(names, heads, rows, shape)

    def _aligned(
        self, names: Sequence[str], heads: list[str], rows: list[list[str]], shape: str
    ) -> list[str]:
        padded = _padded([heads, *rows], names)
        lines = ["  ".join(row).rstrip() for row in padded]
        if shape == "wrapped":
            at = sum(len(cell) + 2 for cell in padded[0][: names.index("description")])
            made = [lines[0]]
            for line, item in zip(lines[1:], self.order.items, strict=True):
                made += [line, " " * at + self.order.pick("note").split(".")[0]]
                del item
            return made
        if shape == "ruled":
            rule = "-" * max(len(line) for line in lines)
            return [rule, lines[0], rule, *lines[1:], rule]
        return [lines[0], *([""] if self.order.has(0.3) else []), *lines[1:]]

    def _sentences(self, *, bulleted: bool) -> list[str]:
        order = self.order
        form = order.pick("at")
        order.columns = {"quantity", "unit", "description", "price", "total", "article"}
        order.columns -= {
            name for name, sign in (("unit", "{u}"), ("article", "{a}"), ("total", "{t}")) if sign not in form
        }
        for item in order.items:
            # In a sentence nobody could tell "AR 7601" from the words after it.
            item.discount = 0
            item.price_base, item.seller_article = 1, item.seller_article.replace(" ", "")
        if not order.priced:
            form = "{q} {u} {a} {d}" if "{a}" in form else "{q} x {d}"
            order.columns -= {"price", "total"}
        if len(order.items) == 1 and not order.priced:
            # "12 x Kugelhahn" alone may be anything.
            return self._blocks()
        mark = order.rng.choice(["- ", "* ", "• "]) if bulleted else ""
        return [mark + form.format(**self._short(item)) for item in order.items]

    def _short(self, item: Item) -> dict[str, str]:
        cells = self.order.cells(item)
        return {
            "q": cells["quantity"],
            "u": cells["unit"],
            "a": cells["article"],
            "d": cells["description"],
            "p": cells["price"],
            "t": cells["total"],
            "c": {"EUR": "EUR", "GBP": "GBP", "USD": "USD"}[self.order.currency],
        }

    def _blocks(self) -> list[str]:
        order = self.order
        names = [name for name in order.layout() if name not in {"pos", "unit"}]
        if "description" in names:
            names.remove("description")
        order.columns |= {"pos", "unit"}
        heads = dict(zip(names, order.heads(names), strict=True))
        pos = order.pick("pos").rstrip(".#")
        pos = pos if len(pos) > 2 else "Pos"
        lines: list[str] = []
        for item in order.items:
            cells = order.cells(item)
            lines += [f"{pos} {item.pos}: {item.description}"]
            for name in names:
                if cells[name]:
                    unit = f" {item.unit}" if name == "quantity" else ""
                    lines.append(f"   {heads[name]}: {cells[name]}{unit}")
            lines.append("")
        return lines


def _padded(rows: Sequence[Sequence[str]], names: Sequence[str]) -> list[list[str]]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(names))]
    right = {"quantity", "price", "base", "total", "discount", "vat_rate"}
    return [
        [
            cell.rjust(width) if name in right else cell.ljust(width)
            for cell, width, name in zip(row, widths, names, strict=True)
        ]
        for row in rows
    ]
