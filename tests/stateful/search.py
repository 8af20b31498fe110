"""How long the machines search.

As a rule every run is the same, so that a failure is of the change and not of the
day. `STATEFUL_EXAMPLES=5000 pytest tests/stateful` searches longer, each time
elsewhere, and prints how to repeat what it finds.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

LONG_SEARCH = int(os.environ.get("STATEFUL_EXAMPLES", "0"))


def search(examples: int, steps: int) -> settings:
    """So many examples of at most so many steps, or as many as are asked for."""
    return settings(
        max_examples=LONG_SEARCH or examples,
        stateful_step_count=steps,
        derandomize=not LONG_SEARCH,
        print_blob=bool(LONG_SEARCH),
        report_multiple_bugs=False,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
