// The sample of 2017: how the JavaScript SDK is used for a call between two.
// A plain script, after webrtc_adaptor.js; see docs/javascript.md.
(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);
  const DEVICES = {
    NotAllowedError: "Allow this page to use the camera and microphone, then load it again.",
    NotFoundError: "No camera or microphone was found.",
    NotReadableError: "The camera or microphone is in use by another program.",
    UnsecureContext: "Browsers give camera and microphone to secure pages only.",
    NoSpaceForNewPeer: "Two people are already connected here.",
    invalidStreamName:
      "This name cannot be used. Letters, digits, dot, hyphen and underscore are fine.",
    noStreamNameSpecified: "Give the room a name first.",
    WebSocketNotConnected: "The server cannot be reached.",
  };

  const OVER = ["stopped", "refused", "ended"];

  function show(state, text) {
    byId("status").dataset.state = state;
    byId("status-text").textContent = text;
  }

  function setJoined(isJoined) {
    byId("join_button").disabled = isJoined;
    byId("leave_button").disabled = !isJoined;
    byId("roomName").readOnly = isJoined;
  }

  // A secure page may not open an insecure socket: it takes the one of its own port.
  const url = location.protocol === "https:"
    ? `wss://${location.host}/WebRTCApp4`
    : `ws://${location.hostname}:${byId("page").dataset.legacyPort}/WebRTCApp4`;

  const webRTCAdaptor = new window.WebRTCAdaptor({
    websocket_url: url,
    mediaConstraints: { video: true, audio: true },
    peerconnection_config: null,
    sdp_constraints: { OfferToReceiveAudio: true, OfferToReceiveVideo: true },
    localVideoId: "localVideo",
    remoteVideoId: "remoteVideo",
    callback: (info, obj) => {
      if (info === "initialized") {
        setJoined(false);
        for (const button of document.querySelectorAll(".tool")) button.disabled = false;
        show("ready", "Ready. Choose a room and join.");
      } else if (info === "joined") {
        setJoined(true);
        show("live", "In the room. The call begins when the other one is there too.");
      } else if (info === "leaved") {
        setJoined(false);
        show("ready", "You have left the room.");
      } else if (info === "session_state_changed" && OVER.includes(obj.state)) {
        // Without a connection there is no "leaved".
        setJoined(false);
      }
    },
    callbackError: (error) => show("refused", DEVICES[error] || `It did not work: ${error}.`),
  });

  byId("form").addEventListener("submit", (event) => {
    event.preventDefault();
    webRTCAdaptor.join(byId("roomName").value.trim());
  });
  byId("leave_button").addEventListener("click", () => webRTCAdaptor.leave());
  const actions = {
    turn_off_camera_button: "turnOffLocalCamera", turn_on_camera_button: "turnOnLocalCamera",
    mute_mic_button: "muteLocalMic", unmute_mic_button: "unmuteLocalMic",
  };
  for (const [id, action] of Object.entries(actions)) {
    byId(id).addEventListener("click", () => webRTCAdaptor[action]());
  }
  addEventListener("pagehide", () => webRTCAdaptor.leave());
})();
