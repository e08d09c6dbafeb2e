"""What the bodies of mails have in common: sums, signatures, and our own order quoted below."""

from tests.extraction.unseen_files.orders import Order


class Mail:
    """What both kinds of body have in common."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.title = order.pick("titles")

    def sums(self) -> list[tuple[str, str]]:
        """Label and amount; the last with its currency."""
        rows = self.order.sums()
        shown = [(label, self.order.amount(value)) for _, label, value in rows]
        if shown:
            label, value = shown[-1]
            sign = {"EUR": "{} EUR", "GBP": "£{}", "USD": "${}"}[self.order.currency]
            shown[-1] = (label, sign.format(value))
            self.order.printed.add("currency")
        return shown

    def signature(self) -> list[str]:
        order = self.order
        order.printed |= {"seller_name", "seller_vat_id"}
        lines = [
            order.pick("bye"),
            order.pick("persons"),
            "",
            order.seller,
            *order.words["address"],
            order.words["phone"],
        ]
        vat = (
            f"{order.pick('vat_id')}: {order.words['vat']}"
            if order.has(0.5)
            else f"{order.pick('vat_id')} {order.words['vat']}"
        )
        return [*lines, f"info@{order.seller.split()[0].lower()}.example", vat]

    def quoted(self) -> list[str]:
        """Our own order, as a reply quotes it: of it nothing may be read."""
        order = self.order
        rng = order.rng
        return [
            order.words["titles"]["order"][0] + f" {rng.randrange(10**6, 10**7)}",
            f"{order.words['number']['order'][0]}: {rng.randrange(10**6, 10**7)}",
            f"{order.words['date'][0]}: {order.day(order.date.replace(day=1))}",
            "",
            f"1   X-{rng.randrange(1000)}   {order.words['goods'][0]}   77 {order.words['piece'][0]}   "
            + order.amount(order.net + 1),
            order.words["bye"][0],
            "Kunde Maschinenbau GmbH",
        ]

    def reply(self) -> list[str]:
        """The lines with which a mail program introduces what it quotes."""
        order = self.order
        wrote, original = order.words["wrote"]
        chosen = order.trait("reply-wrote", "reply-original", "reply-outlook")
        if chosen == "reply-wrote":
            return [wrote.format(date=order.day(order.date))]
        heads = order.words["outlook"]
        values = [
            "Einkauf <einkauf@kunde.example>",
            order.day(order.date) + " 09:12",
            f"Vertrieb <info@{order.language}.example>",
            f"{order.words['titles']['order'][0]} {order.reference}",
        ]
        block = [f"{head} {value}" for head, value in zip(heads, values, strict=True)]
        return [original, *block] if chosen == "reply-original" else block
