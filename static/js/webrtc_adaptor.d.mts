/// <reference path="./webrtc_adaptor.d.ts" />
import Adaptor = WebRTCAdaptor;

export { Adaptor as WebRTCAdaptor, Adaptor as default };
