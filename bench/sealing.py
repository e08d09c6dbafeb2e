"""What sealing costs beside bare AES-256-GCM: small fields, a 25 MiB blob, a page of search tokens.

Run it with `python bench/sealing.py`; it needs no configuration and leaves nothing behind.
"""

import base64
import os
import secrets
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

FIELDS, BLOB_BYTES, ROUNDS, PAGE = 10_000, 25 << 20, 5, 200


def measured(work: Callable[[], object]) -> float:
    """Seconds, the median of a few rounds after one that does not count."""
    work()
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def configure(folder: Path) -> None:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    os.environ["BENCH_RING"] = f"bench:{base64.b64encode(secrets.token_bytes(32)).decode()}"
    os.environ |= {
        "ZALION_DATA_DIR": str(folder),
        "ZALION_MASTER_KEYS": "env:BENCH_RING",
        "ZALION_SECRET_KEY": secrets.token_urlsafe(50),
        "ZALION_LOG_LEVEL": "ERROR",
        "DJANGO_SETTINGS_MODULE": "zalion.settings",
    }
    os.environ.pop("DATABASE_URL", None)
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def fields(tenant: uuid.UUID) -> None:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from zalion.vault.sealing import Binding, seal, unseal

    plain = os.urandom(60)
    rows = [str(uuid.uuid4()) for _ in range(FIELDS)]

    def floor() -> None:
        for _ in rows:
            AESGCM(os.urandom(32)).encrypt(os.urandom(12), plain, None)

    def sealing() -> list[bytes]:
        return [seal(plain, binding=Binding(tenant, "connectors.message", row, "subject")) for row in rows]

    sealed = sealing()

    def opening() -> None:
        for row, data in zip(rows, sealed, strict=True):
            unseal(data, binding=Binding(tenant, "connectors.message", row, "subject"))

    show(f"{FIELDS:,} fields of 60 bytes, bare AES-256-GCM", measured(floor), count=FIELDS)
    show(f"{FIELDS:,} fields of 60 bytes, sealed", measured(sealing), count=FIELDS)
    show(f"{FIELDS:,} fields of 60 bytes, opened", measured(opening), count=FIELDS)


def blob() -> None:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from zalion.vault import blobs

    content = os.urandom(BLOB_BYTES)
    row = uuid.uuid4()
    cipher = AESGCM(os.urandom(32))

    def floor() -> None:
        cipher.encrypt(os.urandom(12), content, None)

    def storing() -> str:
        stored = blobs.store(content, kind="bench", object_id=row)
        blobs.delete(stored.key)
        return stored.key

    kept = blobs.store(content, kind="bench", object_id=row).key

    def reading() -> None:
        with blobs.open_blob(kept, kind="bench", object_id=row) as reader:
            while reader.read(1 << 20):
                pass

    show("25 MiB, bare AES-256-GCM in memory", measured(floor), size=BLOB_BYTES)
    show("25 MiB, sealed, hashed, written, synced", measured(storing), size=BLOB_BYTES)
    show("25 MiB, read and opened", measured(reading), size=BLOB_BYTES)


def search() -> None:
    from zalion.vault import index

    page = {
        uuid.uuid4(): [f"Order confirmation AB-{n}/2026 for your order {n * 7}", f"sales{n}@supplier.example"]
        for n in range(4711, 4711 + PAGE)
    }
    show(f"{PAGE} mails into the index", measured(lambda: index.index_many("bench", page)), count=PAGE)
    show("one search among them", measured(lambda: list(index.search("bench", "AB-4800/2026 order"))))


def show(what: str, seconds: float, *, count: int = 0, size: int = 0) -> None:
    rate = f"{seconds / count * 1e6:8.1f} us each" if count else ""
    rate = f"{size / seconds / (1 << 20):8.0f} MiB/s" if size else rate
    print(f"{what:<46}{seconds * 1000:10.1f} ms{rate:>20}")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        configure(Path(folder))
        from zalion.tenancy import context
        from zalion.tenancy.people import create_tenant

        actor = context.Actor("command", name="bench")
        with context.system("bench", actor):
            tenant = create_tenant("Bench", slug="bench", actor=actor)
        with context.work(tenant.pk, actor):
            fields(tenant.pk)
            blob()
            search()


if __name__ == "__main__":
    main()
