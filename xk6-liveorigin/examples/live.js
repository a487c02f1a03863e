// Two hundred viewers of the event `demo`, for as long as it lasts. Start `liveorigin serve` first, or any origin that
// speaks its HTTP, then: bin/k6 run live.js
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
