/// <reference path="../../../static/js/webrtc_adaptor.d.ts" />
// A plain script of 2017, with types.
const webRTCAdaptor = new WebRTCAdaptor({
  websocket_url: "ws://" + location.hostname + ":8081/WebRTCApp4",
  mediaConstraints: { video: true, audio: true },
  peerconnection_config: null,
  sdp_constraints: { OfferToReceiveAudio: true, OfferToReceiveVideo: true },
  localVideoId: "localVideo",
  remoteVideoId: "remoteVideo",
  callback: function (info) {
    if (info == "initialized") webRTCAdaptor.join("room1");
  },
  callbackError: function (error) {
    alert(error);
  },
});
const request: WebRTCAdaptor.PlayRequest = { streamId: "stream" };
new window.WebRTCAdaptor({ websocketURL: "ws://x" }).play(request);
webRTCAdaptor.leave();
