"""The product's settings with keys and folders of this test process alone."""

import atexit
import base64
import os
import secrets
import shutil
import tempfile
from pathlib import Path

_folder = Path(tempfile.mkdtemp(prefix="zalion-tests-"))
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
_ring = f"test:{base64.b64encode(secrets.token_bytes(32)).decode()}"
os.environ.setdefault("ZALION_SECRET_KEY", secrets.token_urlsafe(50))
# A worker of pytest-xdist inherits what its controller set here; processes that a test starts share the test's folder.
_worker = os.environ.get("PYTEST_XDIST_WORKER", "")
if _worker and os.environ.get("ZALION_TEST_WORKER") != _worker:
    os.environ["ZALION_DATA_DIR"] = str(_folder)
os.environ["ZALION_TEST_WORKER"] = _worker
os.environ.setdefault("ZALION_DATA_DIR", str(_folder))
os.environ.setdefault("ZALION_TEST_RING", _ring)
os.environ.setdefault("ZALION_MASTER_KEYS", "env:ZALION_TEST_RING")
os.environ.setdefault("ZALION_PLAIN_HTTP", "1")
os.environ.setdefault("ZALION_ALLOWED_NETWORKS", "127.0.0.0/8")

from zalion.settings import *  # noqa: E402, F403

# The test client and the live server read static files where they stand.
STORAGES["staticfiles"] = {  # noqa: F405
    "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
}
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # noqa: F405  (WhiteNoise warns of a missing folder)
