"""What people upload is sealed as it comes in: nothing of it waits in clear on a disk."""

import os
import tempfile
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopUpload

from zalion.tenancy.context import WorkContext, current
from zalion.vault.sealing import OBJECT_KEY_BYTES, Binding, SealingWriter, UnsealingReader

IN_MEMORY = 1 << 20  # bytes; what is larger goes to an unnamed temporary file


class SealedUploadHandler(FileUploadHandler):
    """Spools a file under a key that only this request holds. Takes files from people with a tenant alone.

    Raises RequestDataTooBig when the request's files hold more than UPLOAD_BYTES together.
    """

    _received = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        context = current()
        if not isinstance(context, WorkContext):
            raise StopUpload(connection_reset=True)
        self._key = os.urandom(OBJECT_KEY_BYTES)
        self._binding = Binding(context.tenant_id, "upload", "", "spool")
        # Closed with the request that it came in with.
        self._spool = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
        self._writer = SealingWriter(self._spool, binding=self._binding, object_key=self._key)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self._received += len(raw_data)
        if self._received > settings.UPLOAD_BYTES:
            self._spool.close()
            raise RequestDataTooBig("More was uploaded than any mail may hold.")
        self._writer.write(raw_data)

    def file_complete(self, file_size: int) -> "UploadedFile[bytes]":
        self._writer.finish()
        self._spool.seek(0)
        reader: Any = UnsealingReader(self._spool, binding=self._binding, object_key=self._key)
        return UploadedFile(reader, self.file_name, self.content_type, file_size, self.charset)

    def upload_interrupted(self) -> None:
        if hasattr(self, "_spool"):
            self._spool.close()
