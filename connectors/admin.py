"""The pages of mailboxes and mail, their rights, and what they add to the menu and the overview."""

from functools import partial
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from connectors.models import ApprovalKind, Mailbox, Message
from connectors.views import mail, mailboxes, standing
from zalion.portal.site import MenuItem, Page, Panel, PortalAdmin, Watch, portal
from zalion.tenancy import roles

POST = ("POST",)
BOTH = ("GET", "POST")


class MessageAdmin(PortalAdmin):
    view_permission = roles.VIEW_MAIL
    pages = (
        Page("mail/", mail.ledger, "mail", roles.VIEW_MAIL),
        Page("mail/retry/", mail.retry_all, "mail-retry", roles.RETRY_MAIL, POST),
        Page("mail/<uuid:key>/", mail.message, "message", roles.VIEW_MAIL),
        Page("mail/<uuid:key>/body/", mail.body, "message-body", roles.VIEW_MAIL),
        Page("mail/<uuid:key>/raw/", mail.raw, "message-raw", roles.VIEW_MAIL),
        Page("mail/<uuid:key>/attachments/<str:path>/", mail.attachment, "attachment", roles.VIEW_MAIL),
        Page("mail/<uuid:key>/retry/", mail.retry, "message-retry", roles.RETRY_MAIL, POST),
    )


class MailboxAdmin(PortalAdmin):
    view_permission = roles.VIEW_MAILBOXES
    pages = (
        Page("mailboxes/", mailboxes.index, "mailboxes", roles.VIEW_MAILBOXES),
        Page("mailboxes/new/", mailboxes.create, "mailbox-new", roles.CONFIGURE_MAILBOXES, BOTH),
        Page("mailboxes/<uuid:key>/", mailboxes.mailbox, "mailbox", roles.VIEW_MAILBOXES),
        *(
            Page(f"mailboxes/<uuid:key>/{name}/", view, f"mailbox-{name}", roles.CONFIGURE_MAILBOXES, methods)
            for name, view, methods in (
                ("connection", mailboxes.connection, BOTH),
                ("folders", mailboxes.folders, BOTH),
                ("scopes", mailboxes.scopes, BOTH),
                ("check", mailboxes.check, POST),
                ("sign-off", mailboxes.request_sign_off, POST),
                ("pause", mailboxes.pause, POST),
                ("resume", mailboxes.resume, POST),
                ("sync", mailboxes.sync_now, POST),
                ("reconcile", mailboxes.reconcile_now, POST),
                ("history", mailboxes.read_history, POST),
            )
        ),
        Page(
            "mailboxes/<uuid:key>/folders/<uuid:mapping>/filter/",
            mailboxes.folder_filter,
            "mailbox-filter",
            roles.CONFIGURE_MAILBOXES,
            BOTH,
        ),
        *(
            Page(
                f"mailboxes/<uuid:key>/approve/{kind.value}/",
                partial(mailboxes.approve, kind=kind.value),
                f"mailbox-approve-{kind.value}",
                right,
                POST,
            )
            for kind, right in (
                (ApprovalKind.IT, roles.APPROVE_IT),
                (ApprovalKind.COMPLIANCE, roles.APPROVE_COMPLIANCE),
            )
        ),
    )


def health(request: HttpRequest) -> dict[str, Any]:
    return {"rows": standing.rows(now=timezone.now())}


portal.register(Mailbox, MailboxAdmin)
portal.register(Message, MessageAdmin)
portal.add_menu_item(MenuItem("mail", "Mail", "portal:mail", roles.VIEW_MAIL, 30))
portal.add_menu_item(
    MenuItem(
        "mailboxes", "Mailboxes", "portal:mailboxes", roles.VIEW_MAILBOXES, 40, standing.waiting_for_person
    )
)
portal.add_watch(Watch("mailboxes", roles.VIEW_MAILBOXES, 10, standing.stopped))
portal.add_watch(Watch("sign-it", roles.APPROVE_IT, 11, partial(standing.to_sign, ApprovalKind.IT)))
portal.add_watch(
    Watch("sign-compliance", roles.APPROVE_COMPLIANCE, 12, partial(standing.to_sign, ApprovalKind.COMPLIANCE))
)
portal.add_watch(Watch("set-up", roles.CONFIGURE_MAILBOXES, 15, standing.in_set_up))
portal.add_watch(Watch("completeness", roles.VIEW_MAILBOXES, 20, standing.incomplete))
portal.add_watch(Watch("quarantine", roles.VIEW_MAIL, 30, standing.quarantine))
portal.add_panel(Panel("mailboxes", "connectors/panels/mailboxes.html", roles.VIEW_MAILBOXES, 40, health))
