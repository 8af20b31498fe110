"""The site's settings, read after the environment of the tests is set.

A conftest would be too late: pytest-django reads the settings before it.
"""

from __future__ import annotations

import os
import tempfile

# Tests never touch the installation's data.
os.environ.setdefault("DATA_DIR", tempfile.mkdtemp(prefix="antmedia-test-"))

from antmedia_site.settings import *  # noqa: F403
