/** The class of webrtc_adaptor.js as an ES module's export. */
import "./webrtc_adaptor.js";

export const WebRTCAdaptor = globalThis.WebRTCAdaptor;
export default WebRTCAdaptor;
