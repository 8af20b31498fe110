/**
 * What each refusal of the server means, in a sentence for the person at the page,
 * and whether asking again may help. Credentials and rules of the operator do not
 * change by asking again; load, a restart or a taken name do.
 *
 * What is beside the point touches no stream: it goes on as it is.
 *
 * @typedef {{text: string, retry: boolean, isAside?: boolean}} Refusal
 */

const never = (text) => Object.freeze({ text, retry: false });
const later = (text) => Object.freeze({ text, retry: true });
const aside = (text) => Object.freeze({ text, retry: false, isAside: true });

/** @type {Readonly<Record<string, Refusal>>} every error definition of the protocol */
export const REFUSALS = Object.freeze({
  noStreamNameSpecified: never("Give the stream a name first."),
  invalidStreamName: never(
    "This name cannot be used. Letters, digits, dot, hyphen and underscore are fine."),
  not_allowed_unregistered_streams: never(
    "This name is not registered here. Ask the operator to register it."),
  no_room_specified: never("No room was named."),
  unauthorized_access: never(
    "You are not allowed here. The link may be wrong, used up or expired."),
  user_blocked: never("The operator has blocked you from this stream."),
  license_suspended_please_renew_license: never(
    "The operator has suspended this application."),
  stream_not_active_or_expired: never(
    "This stream is not open now: its time has not come, or is over."),
  room_not_active_or_expired: never(
    "This room is not open now: its time has not come, or is over."),
  viewerLimitReached: never("All places are taken. Try again when someone has left."),
  main_track_has_max_subtrack_count__not_allowed_to_add_more_subtracks: never(
    "The room is full. Try again when someone has left."),
  NoSpaceForNewPeer: never("Two people are already connected here."),
  no_codec_enabled_in_the_server: never(
    "The operator has switched off every video format of this application."),
  streamIdInUse: never(
    "Someone else is live under this name. Choose another, or wait until they stop."),

  no_stream_exist: later("Nobody is live under this name yet."),
  no_active_streams_in_room: later("Nobody is live in this room yet."),
  no_peer_associated_before: later("The other side is not connected."),
  already_publishing: later("This page is live under this name already."),
  already_playing: later("This page plays the stream already."),
  highResourceUsage: later("The server is full at the moment."),
  not_initialized_yet: later("The server is still starting."),
  data_store_not_available: later("The server cannot reach its database."),
  mainTrackDBOperationFailed: later("The server could not enter the stream in its room."),
  publishTimeoutError: later("No picture or sound reached the server in time."),
  noPacketReceivedForTimeoutDuration: later(
    "No picture or sound has reached the server for a while."),
  notSetLocalDescription: later("The server could not set up the connection."),
  notSetRemoteDescription: later("The server did not understand this browser's offer."),
  server_error_check_logs: later("Something went wrong in the server."),
  no_encoder_settings: aside(
    "Viewers get no lower qualities: none that is set up is below what you send."),
  encoderNotOpened: aside("The server could not make lower qualities for viewers."),
  encoderBlocked: aside("The server cannot keep up with making all qualities for viewers."),
  authenticationTokenNotValid: never("The notification token is not valid."),
  missingParameter: never("The request was not complete."),
  pushNotificationNotSent: never("The notification could not be sent."),

  // Never from the server: the client's own names for what went wrong.
  WebSocketNotConnected: later("The server cannot be reached."),
  media_lost: later("Picture and sound stopped on their way."),
  setup_timeout: later("The connection could not be set up in time."),
  publish_finished: later("The server has ended the stream."),
  play_finished: later("The stream has ended."),
});

/**
 * @param {string} definition as the server sent it; newer servers may know more
 * @returns {Refusal}
 */
export function explain(definition) {
  return Object.hasOwn(REFUSALS, definition)
    ? REFUSALS[definition]
    : never(`The server refused: ${definition}.`);
}
