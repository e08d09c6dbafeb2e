"""What the trail tells of the queue."""

import pytest
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from audit.models import AuditEvent
from zalion.tasks import OrmBroker
from zalion.tenancy import context

pytestmark = pytest.mark.database


@pytest.mark.django_db(transaction=True)
def test_a_stranger_in_the_queue_is_deleted_and_on_record() -> None:
    package = {"id": "1", "name": "n", "func": "os.system", "args": ("true",), "kwargs": {}}
    OrmBroker("zalion").enqueue(SignedPackage.dumps(package))
    assert not OrmBroker("zalion").dequeue()
    assert not OrmQ.objects.exists()
    with context.system("tests"):
        event = AuditEvent.objects.get(action="task.refused")
        assert event.outcome == "refused"
