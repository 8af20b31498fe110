"""Which way a page's media goes, by the browser's statistics."""

from __future__ import annotations

from dataclasses import dataclass

from tests.browser.sdk import SdkPage

READ_PAIR = """async stream => {
  const peer = window.adaptor.remotePeerConnection[stream];
  const rows = await peer.getStats();
  for (const [, transport] of rows)
    if (transport.type === "transport" && transport.selectedCandidatePairId) {
      const pair = rows.get(transport.selectedCandidatePairId);
      const local = rows.get(pair.localCandidateId);
      const remote = rows.get(pair.remoteCandidateId);
      return [local.protocol, local.candidateType, remote.address];
    }
  return ["", "", ""];
}"""


@dataclass(frozen=True, slots=True)
class Pair:
    """The selected candidate pair."""

    protocol: str  # "udp" or "tcp"
    local_type: str  # "host", "prflx" or "relay"
    remote_address: str


async def selected_pair(page: SdkPage, stream: str) -> Pair:
    return Pair(*await page.page.evaluate(READ_PAIR, stream))
