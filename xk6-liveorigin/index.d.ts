/**
 * An audience of a live event, for k6: viewers that ask edges for segments at the times that the event's clock fixes,
 * and report what they got. Live-edge latency is measured from when a segment became available, so the spread of the
 * fleet, which asks 0 to 100 ms after that, is part of it; time to first byte from when the viewer was to ask.
 *
 * ```js
 * import live from 'k6/x/liveorigin';
 *
 * const player = new live.Player({ event: 'demo', edges: [{ name: 'edge-1', url: 'http://127.0.0.1:8090' }] });
 *
 * export default function () {
 *   player.play({ viewers: { start: 0, ramp: '20s', peak: 200 }, until: '60s' });
 * }
 * ```
 */
declare module 'k6/x/liveorigin' {
  /** A time with a unit: `'250ms'`, `'4s'`, `'1m30s'`. Zero may be the number 0. */
  export type Duration = string | 0;

  /** A place where viewers ask. */
  export interface Edge {
    /** Becomes the tag `edge`; no two edges have the same. */
    name: string;
    /** Becomes the tag `region`. A viewer whose edge fails tries the other edges of the same region first. */
    region?: string;
    /** What comes before `/{event}/{rendition}/{number}.m4s`, such as `'http://127.0.0.1:8090'`. */
    url: string;
  }

  /** A stretch of the event, up to the next phase. */
  export interface Phase {
    /** Becomes the tag `phase`. */
    name: string;
    /** When it begins, from the event's start. Phases are listed in order. */
    from: Duration;
  }

  /** A stretch of the event. */
  export interface Window {
    /** When it begins, from the event's start. */
    at: Duration;
    /** How long it lasts. */
    for: Duration;
  }

  export interface PlayerOptions {
    /** The event's id: its configuration is at `{edge}/{event}/config`. */
    event: string;
    /** Viewer i is at home at the i-th edge, and so on around. */
    edges: Edge[];
    /**
     * The video that a viewer plays: `'spread'` (the viewers over all renditions), `'lowest'`, `'highest'`, or a
     * rendition's id. Audio comes with it. Default `'spread'`.
     */
    ladder?: 'spread' | 'lowest' | 'highest' | string;
    /** How far behind availability a viewer plays, which is its buffer. Default `'4s'`. */
    buffer?: Duration;
    /** The part of the viewers, 0 to 1, that watches behind live. Default 0. */
    dvr_share?: number;
    /** While it lasts, every DVR viewer jumps to another place in the time-shift buffer every 250 ms. */
    scrub?: Window;
    /** Check the bytes of every n-th segment of a viewer; 0 checks none. Default 16. */
    check_every?: number;
    /** A sample's phase follows from its intended time. */
    phases?: Phase[];
    /** The same seed asks for the same things at the same times. Default 1. */
    seed?: number;
    /** A file for the record that can be merged, relative to the working directory. Begun anew by every process. */
    snapshot?: string;
    /**
     * k6 keeps every sample of a trend in memory, four for a segment. `'counters'` leaves the trends to the snapshot.
     * Default `'all'`.
     */
    k6_metrics?: 'all' | 'counters';
  }

  /** The size of an audience: `start` viewers at the event's start, then evenly up to `peak` within `ramp`. */
  export interface Curve {
    /** Default 0. */
    start?: number;
    /** Default 0: all at once. */
    ramp?: Duration;
    peak: number;
  }

  export interface Plan {
    /** A number is that many at once. */
    viewers: number | Curve;
    /** When to end, from the event's start. The last segment is the one that becomes available then. */
    until?: Duration;
    /** When to end, from now, or from the event's start if that is later. With neither `until` nor `for`, the event's own end. */
    for?: Duration;
  }

  /** What the viewers of one `play()` saw. */
  export interface Summary {
    /** The most that watched at once. */
    viewers: number;
    /** All tries. */
    requests: number;
    /** Segments received. */
    segments: number;
    /** Segments that did not come, or too late to be of use. */
    missed: number;
    /** k6 ended the iteration before the plan did. */
    interrupted: boolean;
  }

  export class Player {
    /** Throws an error that names the key if an option is unknown or makes no sense. */
    constructor(options: PlayerOptions);
    /**
     * Lets viewers watch, and returns when the last of them has gone. It blocks the VU, so each call in each VU is an
     * audience of its own. It throws in init context, and when no edge tells of the event for ten seconds.
     */
    play(plan: Plan): Summary;
  }

  const live: { Player: typeof Player };
  export default live;
}
