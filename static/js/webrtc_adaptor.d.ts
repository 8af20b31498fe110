/**
 * Types of webrtc_adaptor.js, which puts the class `WebRTCAdaptor` on `globalThis`.
 *
 * Plain script: add `/// <reference path="…/webrtc_adaptor.d.ts" />`.
 * Module: import from webrtc_adaptor.mjs, which has the same class as an export.
 * Docs: docs/javascript.md.
 */

/** Publishes, plays, meets peers and joins rooms over one signalling socket. */
declare class WebRTCAdaptor {
  /** Version of this SDK. */
  static readonly version: string;

  /** Opens camera and socket at once, unless `initializeComponents` is false. */
  constructor(options: WebRTCAdaptor.Options);

  /** Opens camera and microphone (unless play mode or data only), then the socket.
   * Done when the media is open; the socket is when "initialized" is called back.
   * Rejected with what getUserMedia said. */
  initialize(): Promise<void>;

  // Callbacks -------------------------------------------------------------------
  /** One more receiver of what `callback` gets. */
  addEventListener(listener: WebRTCAdaptor.Callback): void;
  removeEventListener(listener: WebRTCAdaptor.Callback): void;
  /** One more receiver of what `callbackError` gets. */
  addErrorEventListener(listener: WebRTCAdaptor.ErrorCallback): void;
  removeErrorEventListener(listener: WebRTCAdaptor.ErrorCallback): void;

  // Streams ---------------------------------------------------------------------
  publish(request: WebRTCAdaptor.PublishRequest): void;
  publish(
    streamId: string, token?: string | null, subscriberId?: string | null,
    subscriberCode?: string | null, streamName?: string | null,
    mainTrack?: string | null, metaData?: string | null, role?: string | null,
  ): void;

  play(request: WebRTCAdaptor.PlayRequest): void;
  play(
    streamId: string, token?: string | null, roomId?: string | null,
    enableTracks?: string[] | null, subscriberId?: string | null,
    subscriberCode?: string | null, metaData?: string | null, role?: string | null,
  ): void;
  /** The same as `play` of one object. */
  playStream(request: WebRTCAdaptor.PlayRequest): void;

  /** Ends publishing, playing or meeting under this id; without one: all of them. */
  stop(streamId?: string): void;

  /** Peer to peer. "joined" is called back; media flows when the other has come. */
  join(streamId: string): void;
  /** Without an id (2017): out of every peer-to-peer room. "leaved" is called back. */
  leave(streamId?: string): void;
  /** To the other peer, through the server; arrives as "peerMessageCommand". */
  peerMessage(streamId: string, definition: string, data: unknown): boolean;

  // Rooms by name ---------------------------------------------------------------
  /** "joinedTheRoom" is called back. Joined again by itself after a lost socket. */
  joinRoom(
    room: string, streamId?: string | null, mode?: string | null,
    streamName?: string | null, role?: string | null, metadata?: string | null,
  ): void;
  /** Also ends what is published in and played from this room. */
  leaveFromRoom(room: string, streamId?: string | null): void;
  /** "roomInformation" is called back. */
  getRoomInfo(room: string, streamId?: string | null): boolean;

  // Questions: false when the socket is not open, else the answer is called back --
  /** "streamInformation": the renditions. */
  getStreamInfo(streamId: string): boolean;
  /** "broadcastObject"; its `broadcast` is JSON text. */
  getBroadcastObject(streamId: string): boolean;
  /** "trackList". */
  getTrackList(streamId: string, token?: string | null): boolean;
  /** The same as getTrackList. */
  getTracks(streamId: string, token?: string | null): boolean;
  /** "subtrackList"; an array of JSON texts. */
  getSubtracks(
    streamId: string, role?: string | null, offset?: number, size?: number,
  ): boolean;
  /** "subtrackCount". */
  getSubtrackCount(
    streamId: string, role?: string | null, status?: string | null,
  ): boolean;
  /** "subscriberList"; an array of JSON texts. */
  getSubscriberList(streamId: string, offset?: number, size?: number): boolean;
  /** "subscriberCount". */
  getSubscriberCount(streamId: string): boolean;
  /** "debugInfo". */
  getDebugInfo(streamId: string): boolean;

  // What the server sends to this viewer. False when the socket is not open; all but
  // assignVideoTrack are remembered and said again after a reconnection. -----------
  /** Picture and sound of one track of a room. */
  enableTrack(mainTrackId: string, trackId: string, enabled: boolean): boolean;
  toggleVideo(streamId: string, trackId: string, enabled: boolean): boolean;
  toggleAudio(streamId: string, trackId: string, enabled: boolean): boolean;
  /** `height` in pixels, 0 or "auto" for the server's choice. */
  forceStreamQuality(streamId: string, height: number | "auto"): boolean;
  /** Pins a participant to a video slot of a room, as "videoTrack0". */
  assignVideoTrack(videoTrackId: string, streamId: string, enabled: boolean): boolean;
  /** Shows `size` participants of a room from number `offset` on. */
  updateVideoTrackAssignments(streamId: string, offset: number, size: number): boolean;
  setMaxVideoTrackCount(streamId: string, maxTrackCount: number): boolean;
  /** Answered on the data channel by a VIDEO_TRACK_ASSIGNMENT_LIST event. */
  requestVideoTrackAssignments(streamId: string): boolean;

  /** The free text of a published stream, told to its room. */
  updateStreamMetaData(streamId: string, metaData: string): boolean;

  // Push notifications: a "notification" with `success` is called back ------------
  registerPushNotificationToken(
    subscriberId: string, authToken: string, pushNotificationToken: string,
    tokenType: "fcm" | "apn" | (string & {}),
  ): boolean;
  /** @throws TypeError when the content is no object or the ids are no array */
  sendPushNotification(
    subscriberId: string, authToken: string, pushNotificationContent: object,
    subscriberIdsToNotify: string[],
  ): boolean;
  /** @throws TypeError when the content is no object */
  sendPushNotificationToTopic(
    subscriberId: string, authToken: string, pushNotificationContent: object,
    topic: string,
  ): boolean;

  // Data channel ------------------------------------------------------------------
  /** Text as it is; binary in numbered pieces, as Ant Media's SDKs do. Fulfilled when
   * all of it is handed to the browser: false when there is no open channel. */
  sendData(
    streamId: string, data: string | ArrayBuffer | ArrayBufferView | Blob,
  ): Promise<boolean>;
  /** Tells a room how loud this participant is, as an UPDATE_AUDIO_LEVEL event. */
  updateAudioLevel(streamId: string, value: number): Promise<boolean>;

  // Camera, microphone, screen ------------------------------------------------------
  // `streamId` is accepted as in Ant Media's SDK; there is one local media for all
  // streams of an adaptor, so each of these changes what all of them send.
  /** What is sent and shown in the local video element; null before it is open. */
  readonly localStream: MediaStream | null;
  /** Opens (or replaces) camera and microphone. */
  openStream(
    mediaConstraints?: WebRTCAdaptor.MediaConstraints, streamId?: string,
  ): Promise<MediaStream | null>;
  /** Lets go of camera, microphone and screen. */
  closeStream(): void;
  /** The camera is switched off; a black picture is sent, so it can come back. */
  turnOffLocalCamera(streamId?: string): Promise<void>;
  turnOnLocalCamera(streamId?: string): Promise<void>;
  muteLocalMic(): void;
  unmuteLocalMic(): void;
  readonly isMicMuted: boolean;
  readonly isCameraOn: boolean;
  switchVideoCameraCapture(streamId?: string | null, deviceId?: string): Promise<void>;
  switchVideoCameraFacingMode(
    streamId: string | null | undefined, facingMode: "user" | "environment",
  ): Promise<void>;
  switchAudioInputSource(
    streamId: string | null | undefined, deviceId: string,
  ): Promise<void>;
  /** Shares the screen instead of the camera; "screen_share_stopped" is called back
   * when the person ends it in the browser, and the camera is back. */
  switchDesktopCapture(streamId?: string): Promise<void>;
  /** Shares the screen with the camera's picture in a corner. */
  switchDesktopCaptureWithCamera(streamId?: string): Promise<void>;
  /** Sends the first video track of `stream` from now on; it stays the caller's. */
  updateVideoTrack(stream: MediaStream, streamId?: string): Promise<void>;
  /** Sends the first audio track of `stream` from now on; it stays the caller's. */
  updateAudioTrack(stream: MediaStream, streamId?: string): Promise<void>;
  /** Constraints of the camera, or {video, audio}. */
  applyConstraints(
    constraints: MediaTrackConstraints | WebRTCAdaptor.MediaConstraints,
  ): Promise<void>;
  /** Upper bound of the video in kbit/s, for all that is sent from now on. */
  changeBandwidth(bandwidth: number | "unlimited", streamId?: string): Promise<void>;
  /** Loudness of the microphone as it is sent: 0 is silence, 1 is unchanged. */
  setVolumeLevel(level: number): void;
  /** "available_devices" is called back too. */
  getDevices(): Promise<MediaDeviceInfo[]>;

  // Loudness -------------------------------------------------------------------------
  /** `onLevel` gets 0 (silence) to 1, every `periodMs` (200). */
  enableAudioLevelForLocalStream(
    onLevel: (level: number) => void, periodMs?: number,
  ): void;
  disableAudioLevelForLocalStream(): void;
  /** "speaking_but_muted" is called back when someone speaks with the mic muted. */
  enableAudioLevelWhenMuted(): void;
  disableAudioLevelWhenMuted(): void;
  /** Measures a received stream, for getSoundLevelList. */
  enableAudioLevel(stream: MediaStream, streamId: string): void;
  /** "gotSoundList" is called back with {streamId: level}; it is returned too. */
  getSoundLevelList(streamIds: string[]): Record<string, number>;

  // Statistics -----------------------------------------------------------------------
  /** "updated_stats" is called back too; false when there is no connection. */
  getStats(streamId: string): Promise<WebRTCAdaptor.PeerStats | false>;
  enableStats(streamId: string, periodMs?: number): void;
  disableStats(streamId: string): void;

  // State ----------------------------------------------------------------------------
  /** The peer connections of now, by stream id. */
  readonly remotePeerConnection: Record<string, RTCPeerConnection>;
  /** The id published, the first of them, or null. */
  readonly publishStreamId: string | null;
  /** The ids played. */
  readonly playStreamId: string[];
  readonly isPlayMode: boolean;
  readonly onlyDataChannel: boolean;
  /** The RTCConfiguration of peer connections made from now on. */
  readonly peerconnection_config: RTCConfiguration;
  /** True while a command would really be sent. */
  readonly isConnected: boolean;
  sessionState(streamId: string): WebRTCAdaptor.SessionState | null;
  iceConnectionState(streamId: string): RTCIceConnectionState | null;
  signallingState(streamId: string): RTCSignalingState | null;
  /** Ends every stream and the socket; `initialize` starts anew. Does not let go of
   * the camera: `closeStream` does. */
  closeWebSocket(): void;
}

declare namespace WebRTCAdaptor {
  interface Options {
    /** wss://HOST/APP/websocket, or ws://HOST:8081/WebRTCApp4 (2017). */
    websocket_url?: string;
    /** The same as websocket_url. */
    websocketURL?: string;
    mediaConstraints?: MediaConstraints;
    /** Without iceServers the server is asked for its own. */
    peerconnection_config?: RTCConfiguration | null;
    /** Accepted for pages of 2017; what is sent and received decides instead. */
    sdp_constraints?: object | null;
    localVideoId?: string;
    localVideoElement?: HTMLVideoElement | null;
    remoteVideoId?: string;
    remoteVideoElement?: HTMLVideoElement | null;
    callback?: Callback | null;
    callbackError?: ErrorCallback | null;
    /** No camera: this adaptor plays only. */
    isPlayMode?: boolean;
    /** Publishes without picture and sound. */
    onlyDataChannel?: boolean;
    /** Default true. */
    dataChannelEnabled?: boolean;
    /** Default true; false: call `initialize` yourself. */
    initializeComponents?: boolean;
    /** Default true; false: nothing is tried again, and a lost socket stays lost. */
    reconnectIfRequiredFlag?: boolean;
    /** Upper bound of the video in kbit/s. Default 1200. */
    bandwidth?: number | "unlimited";
    /** Default "maintain-resolution". */
    degradationPreference?: "maintain-framerate" | "maintain-resolution" | "balanced";
    /** Publishes the picture in three heights: each viewer gets the one its path bears,
     * without encoding on the server. Default false. */
    simulcast?: boolean;
    /** Of ICE candidates sent and taken. Default ["udp", "tcp"]. */
    candidateTypes?: string[];
    /** A camera picture's share of the shared screen's width, in percent: 15. */
    camera_percent?: number;
    /** Its distance from the edge in pixels: 15. */
    camera_margin?: number;
    camera_location?: "top" | "bottom";
    /** Tells what happens on the console, without credentials. Default false. */
    debug?: boolean;
  }

  interface MediaConstraints {
    /** "dummy" is a black picture, "screen" and "screen+camera" share the screen. */
    video?: boolean | MediaTrackConstraints
      | "camera" | "screen" | "screen+camera" | "dummy";
    /** "dummy" is silence. */
    audio?: boolean | MediaTrackConstraints | "dummy";
  }

  /** `info` says what happened; docs/javascript.md lists what `obj` then is. */
  type Callback = (info: Info | (string & {}), obj?: any) => void;
  /** `definition` is a name of the protocol, of getUserMedia or of this SDK. */
  type ErrorCallback = (definition: string, obj?: any) => void;

  /** The second argument of `callbackError` for an error of the server. */
  interface ServerError {
    command: "error";
    definition: string;
    streamId?: string;
    room?: string;
    error_code?: string;
    information?: string;
    /** False: it will not be tried again by itself. Absent for other commands. */
    willRetry?: boolean;
  }

  interface PublishRequest {
    streamId: string;
    token?: string | null;
    subscriberId?: string | null;
    subscriberCode?: string | null;
    streamName?: string | null;
    /** The room, or another main track. */
    mainTrack?: string | null;
    metaData?: string | null;
    role?: string | null;
  }

  interface PlayRequest {
    streamId: string;
    token?: string | null;
    roomId?: string | null;
    /** Ids of tracks to get, "!id" for one not to get. */
    enableTracks?: string[] | null;
    subscriberId?: string | null;
    subscriberName?: string | null;
    subscriberCode?: string | null;
    metaData?: string | null;
    role?: string | null;
    disableTracksByDefault?: boolean | null;
    /** The own stream, which is not sent back. Default: the one published here. */
    userPublishId?: string | null;
  }

  type SessionKind = "publish" | "play" | "peer";

  /**
   * - connecting: asked for;
   * - waiting: the stream is not live, or the other peer is not there;
   * - live;
   * - reconnecting: lost or refused for now, tried again;
   * - ended: by the server, for good; refused: for good; stopped: by this page.
   */
  type SessionState =
    | "connecting" | "waiting" | "live" | "reconnecting"
    | "ended" | "refused" | "stopped";

  /** With "session_state_changed". */
  interface SessionChange {
    streamId: string;
    kind: SessionKind;
    state: SessionState;
    /** What led to it: an error definition, "media_lost", "setup_timeout",
     * "publish_finished", "play_finished", or "". */
    reason: string;
  }

  /** With "newTrackAvailable" (when there is no remote video element). */
  interface NewTrack {
    streamId: string;
    stream: MediaStream;
    track: MediaStreamTrack;
    /** As the server maps it: "ARDAMSv" or "ARDAMSa" and the id of the track. */
    trackId: string;
  }

  /** With "data_received". */
  interface ReceivedData {
    streamId: string;
    data: string | ArrayBuffer;
  }

  type Info =
    | "initialized" | "closed" | "pong" | "session_state_changed"
    | "publish_started" | "publish_finished" | "session_restored"
    | "play_started" | "play_finished" | "streaming_started"
    | "streaming_starts_soon" | "joined" | "leaved" | "peerMessageCommand"
    | "joinedTheRoom" | "leavedFromRoom" | "roomInformation"
    | "streamJoined" | "streamLeaved" | "subtrackAdded" | "subtrackRemoved"
    | "streamInformation" | "trackList" | "broadcastObject"
    | "subtrackList" | "subtrackCount" | "subscriberList" | "subscriberCount"
    | "debugInfo" | "bitrateMeasurement" | "resolutionChangeInfo"
    | "server_will_stop" | "newTrackAvailable" | "newStreamAvailable"
    | "data_channel_opened" | "data_channel_closed" | "data_received"
    | "ice_connection_state_changed" | "reconnection_attempt_for_publisher"
    | "reconnection_attempt_for_player" | "reconnection_attempt_for_peer"
    | "available_devices" | "browser_screen_share_supported"
    | "screen_share_stopped" | "speaking_but_muted" | "gotSoundList"
    | "updated_stats";

  /** Totals since the connection began and rates since the sample before; -1 where
   * the browser does not say. Bit rates in kbit/s, times in seconds. */
  interface PeerStats {
    readonly streamId: string;
    readonly averageOutgoingBitrate: number;
    readonly averageIncomingBitrate: number;
    readonly currentOutgoingBitrate: number;
    readonly currentIncomingBitrate: number;
    /** Frames encoded a second, with one decimal. */
    readonly currentFPS: string;
    readonly startTime: number;
    readonly currentTimestamp: number;
    readonly totalBytesSentCount: number;
    readonly totalBytesReceivedCount: number;
    readonly totalFramesEncodedCount: number;
    readonly totalVideoPacketsSent: number;
    readonly totalAudioPacketsSent: number;
    readonly videoPacketsSent: number;
    readonly audioPacketsSent: number;
    readonly videoPacketsReceived: number;
    readonly audioPacketsReceived: number;
    readonly videoPacketsLost: number;
    readonly audioPacketsLost: number;
    readonly fractionLost: number;
    readonly videoRoundTripTime: number;
    readonly audioRoundTripTime: number;
    readonly currentRoundTripTime: number;
    readonly videoJitter: number;
    readonly audioJitter: number;
    readonly videoJitterAverageDelay: number;
    readonly audioJitterAverageDelay: number;
    readonly audioLevel: number;
    readonly qualityLimitationReason: string;
    /** Of the camera. */
    readonly resWidth: number;
    readonly resHeight: number;
    readonly srcFps: number;
    /** Of what is sent or received. */
    readonly frameWidth: number;
    readonly frameHeight: number;
    readonly framesReceived: number;
    readonly framesDecoded: number;
    readonly framesDropped: number;
    /** In kbit/s; Infinity while unknown. */
    readonly availableOutgoingBitrate: number;
    readonly inboundRtpList: InboundRtp[];
  }

  /** One received track. */
  interface InboundRtp {
    trackIdentifier: string;
    kind: "audio" | "video";
    bytesReceived: number;
    jitterBufferDelay?: number;
    lastPacketReceivedTimestamp?: number;
    currentTime: number;
    audioPacketsLost?: number;
    videoPacketsLost?: number;
    frameWidth?: number;
    frameHeight?: number;
    framesReceived?: number;
    framesDecoded?: number;
    framesDropped?: number;
    framesPerSecond?: number;
  }
}

interface Window {
  WebRTCAdaptor: typeof WebRTCAdaptor;
}
