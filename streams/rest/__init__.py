"""The REST interface, version 2 (contract section 8), under `/<App>/rest/v2/`."""
