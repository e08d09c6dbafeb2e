"""The web server's door; refuses to serve when a system check fails."""

import os

from django.core.management import call_command
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zalion.settings")
application = get_wsgi_application()
call_command("check", verbosity=0)
