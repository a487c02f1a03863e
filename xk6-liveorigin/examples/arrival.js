// People who tune in all the time and stay for a while: two a second, ten seconds each. Every VU is one viewer here, so
// k6's own dropped_iterations says when the load was not delivered.
import live from 'k6/x/liveorigin';

export const options = {
  scenarios: {
    zappers: {
      executor: 'constant-arrival-rate', rate: 2, timeUnit: '1s', duration: __ENV.FOR || '30s',
      preAllocatedVUs: 30, gracefulStop: '20s', tags: { audience: 'zappers' },
    },
  },
  thresholds: {
    'live_edge_latency{audience:zappers}': ['p(95)<1500'],
    dropped_iterations: ['count==0'],
  },
};

const player = new live.Player({
  event: __ENV.EVENT || 'demo',
  edges: [{ name: 'edge-1', url: __ENV.EDGE || 'http://127.0.0.1:8090' }],
  ladder: 'lowest',
  check_every: 1,
  k6_metrics: 'all',
});

export default function () {
  player.play({ viewers: 1, for: __ENV.STAY || '10s' });
}
