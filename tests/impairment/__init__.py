"""A bad network between clients and the server's one UDP port, in user space.

A relay process of the test suite's own stands in the media's path, with timing of its
own and decisions that a seed repeats. Neither SDP nor SDK is touched: the server is
bound to 127.0.0.1 and told that its address is another one of the loopback network,
where this relay listens on the same port number and passes everything on, each client
from a socket of its own (as a NAT does).

    server = ServerProcess(tmp_path, PUBLIC_IP=LISTEN)      # BIND is 127.0.0.1
    with Network.started(server.media_port, seed=7) as network:
        network.newcomers("publisher")  # who first appears from now on is of this leg
        ...publish...
        network.newcomers("viewer")
        ...play...
        network.set("viewer", both=Conditions(loss=0.05, delay_ms=25))
        network.set("publisher", up=Conditions(rate_bps=400_000, queue_ms=200))
        network.set("viewer", both=OUTAGE, for_s=2.0)  # then what was there before
        network.rebind("viewer")        # a new port towards the server (NAT rebinding)
        network.rebind("viewer", "127.0.0.9")   # and a new address
        network.clear("viewer")
        network.counters("viewer").down.lost    # offered, lost, queue_full, ...
        network.clients()               # leg, ufrags and addresses of each client

`up` is towards the server, `down` away from it, `both` is both; a direction that is not
named stays as it is. Conditions can be set for a leg before anybody is on it. A leg's
clients share its conditions, its queue and its counters. Calls return when the change
is in force (well under a millisecond; fine in a coroutine too).

A client is told from others by the server's ufrag in the USERNAME of its first check,
all its local addresses alike. To put a known one elsewhere: `network.assign(ufrag,
"viewer")`. A leg is any text; "" is everybody's until `newcomers` is called.

What happens to a packet is decided in `path`, which knows no sockets: same seed, same
packets, same fate. Which packets are lost does not depend on the other conditions.
"""

from tests.impairment.network import LISTEN, OUTAGE, Network
from tests.impairment.path import Burst, Conditions, Counters

__all__ = ["LISTEN", "OUTAGE", "Burst", "Conditions", "Counters", "Network"]
