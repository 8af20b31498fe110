// A page's module as TypeScript sees it; each mistake must be found.
import Default, { WebRTCAdaptor } from "../../../static/js/webrtc_adaptor.mjs";

const options: WebRTCAdaptor.Options = {
  websocket_url: "wss://example.org/LiveApp/websocket",
  mediaConstraints: { video: "screen+camera", audio: { echoCancellation: true } },
  callback: (info, obj) => {
    if (info === "session_state_changed") {
      const change: WebRTCAdaptor.SessionChange = obj;
      change.state satisfies string;
    }
    if (info === "updated_stats") {
      const stats: WebRTCAdaptor.PeerStats = obj;
      stats.currentOutgoingBitrate.toFixed(1);
    }
  },
  callbackError: (definition, obj?: WebRTCAdaptor.ServerError) => {
    definition.toUpperCase();
    obj?.willRetry satisfies boolean | undefined;
  },
};
const adaptor: WebRTCAdaptor = new WebRTCAdaptor(options);
const same: Default = new Default(options);

adaptor.publish("stream", "token", null, undefined, "name", "room");
adaptor.publish({ streamId: "stream", mainTrack: "room" });
same.play("stream", "token", "room", ["a", "!b"]);
same.play({ streamId: "stream", disableTracksByDefault: true });
const sent: Promise<boolean> = adaptor.sendData("stream", new Uint8Array(3));
adaptor.forceStreamQuality("stream", "auto");
const peer: RTCPeerConnection | undefined = adaptor.remotePeerConnection["stream"];
void [sent, peer];

// @ts-expect-error  a stream has an id
adaptor.play({ token: "x" });
// @ts-expect-error  not a field
adaptor.publish({ streamId: "s", tokn: "x" });
// @ts-expect-error  an id is text
adaptor.stop(5);
// @ts-expect-error  not something to send
adaptor.sendData("s", 5);
// @ts-expect-error  read only
adaptor.localStream = null;
// @ts-expect-error  no such state
adaptor.sessionState("s") === "sleeping";
// @ts-expect-error  options are needed
new WebRTCAdaptor();
