"""What happens here that processes want to act on at once. Sent after the commit."""

from __future__ import annotations

from django.dispatch import Signal

# Live sessions are marked to be ended (services.endings). The rows say which: a
# process that misses the signal finds them at its next look.
endings_wanted = Signal()

# Events wait to be posted to webhooks.
deliveries_wanted = Signal()

# A relay is to be told something, by a REST call say. With `relay`, its name, and
# `command`, of relay.control. One that nobody passes on is lost, not kept.
relay_commands = Signal()
