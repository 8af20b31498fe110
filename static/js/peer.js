/** The peer page: two people, browser to browser. */

import { CallPage } from "./call-page.js";
import { PeerRoom } from "./peer-room.js";

new CallPage((call) => new PeerRoom(call), { isPair: true, height: 720 }).start();
