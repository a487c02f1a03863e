// Two hundred viewers, for half a minute or as long as the event lasts. To have an event to play, start
// `liveorigin run quiet` in another terminal. It prints "watch it at http://127.0.0.1:12345/quiet/manifest.mpd", and the
// viewers go there too:
//
//   EDGE=http://127.0.0.1:12345 EVENT=quiet bin/k6 run xk6-liveorigin/examples/live.js
//
// Any other origin that speaks the same HTTP will do.
import live from 'k6/x/liveorigin';

export const options = {
  scenarios: {
    audience: { executor: 'per-vu-iterations', vus: 1, iterations: 1, maxDuration: '10m', gracefulStop: '5s' },
  },
};

const player = new live.Player({
  event: __ENV.EVENT || 'demo',
  edges: [{ name: 'edge-1', region: 'us-east', url: __ENV.EDGE || 'http://127.0.0.1:8090' }],
});

export default function () {
  player.play({ viewers: Number(__ENV.VIEWERS || 200), for: __ENV.FOR || '30s' });
}
