/** The conference page: many people, each seeing all the others. */

import { CallPage } from "./call-page.js";
import { ConferenceRoom } from "./conference-room.js";

new CallPage((call) => new ConferenceRoom(call), { isPair: false, height: 360 }).start();
