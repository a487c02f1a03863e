// Service levels of one phase of the event: they hold while something is broken, whatever happened before. k6 exits with
// 99 when one does not. A threshold on a metric without samples passes (grafana/k6#1346), so the last one asks for them.
import live from 'k6/x/liveorigin';

export const options = {
  scenarios: {
    audience: { executor: 'per-vu-iterations', vus: 1, iterations: 1, maxDuration: '10m', gracefulStop: '5s' },
  },
  thresholds: {
    'live_edge_latency{phase:fault}': ['p(99)<1500'],
    'live_missed{phase:fault}': ['count==0'],
    'live_wrong_bytes': ['count==0'],
    'live_generator_lag': ['p(99)<50'],
    'live_segments{phase:fault}': ['count>0'],
  },
  summaryTrendStats: ['med', 'p(95)', 'p(99)', 'max', 'count'],
};

const player = new live.Player({
  event: __ENV.EVENT || 'demo',
  edges: [
    { name: 'us-east-1', region: 'us-east', url: __ENV.EDGE || 'http://127.0.0.1:8090' },
    { name: 'us-west-1', region: 'us-west', url: __ENV.EDGE2 || 'http://127.0.0.1:8091' },
  ],
  dvr_share: 0.05,
  phases: [
    { name: 'warm-up', from: '0s' },
    { name: 'fault', from: __ENV.FAULT || '40s' },
  ],
  snapshot: __ENV.SNAPSHOT || 'audience.jsonl',
});

export default function () {
  const viewers = { start: 0, ramp: __ENV.RAMP || '20s', peak: Number(__ENV.VIEWERS || 200) };
  const seen = player.play({ viewers, until: __ENV.UNTIL || '60s' });
  console.log(`${seen.segments} segments, ${seen.missed} missed`);
}
