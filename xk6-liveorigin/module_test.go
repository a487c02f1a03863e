package liveorigin

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.k6.io/k6/v2/js/modulestest"
	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/metrics"

	"github.com/liveorigin/liveorigin/xk6-liveorigin/internal/origintest"
)

// script is the module in a VU's JavaScript, in init context until vu is called.
type script struct {
	*modulestest.Runtime
	root    *RootModule
	t       *testing.T
	samples chan metrics.SampleContainer
}

func newScript(t *testing.T) *script {
	t.Helper()
	rt := modulestest.NewRuntime(t)
	root := new(RootModule)
	m := root.NewModuleInstance(rt.VU)
	if err := rt.VU.Runtime().Set("live", m.Exports().Default); err != nil {
		t.Fatal(err)
	}
	return &script{Runtime: rt, root: root, t: t, samples: make(chan metrics.SampleContainer, 10_000)}
}

func (s *script) vu(id uint64) {
	root := s.VU.InitEnvField.Registry.RootTagSet()
	s.MoveToVUContext(&lib.State{
		Dialer: &net.Dialer{}, Samples: s.samples, VUID: id, VUIDGlobal: id, BuiltinMetrics: s.BuiltinMetrics,
		Tags: lib.NewVUStateTags(root.With("scenario", "audience")),
	})
}

func (s *script) run(code string) error {
	_, err := s.VU.Runtime().RunString(code)
	return err
}

// sums adds up the samples of every metric that have all the tags; trends count.
func (s *script) sums(tags map[string]string) map[string]float64 {
	sums := map[string]float64{}
	close(s.samples)
	for c := range s.samples {
		for _, sample := range c.GetSamples() {
			if !hasTags(sample.Tags, tags) {
				continue
			}
			if sample.Metric.Type == metrics.Trend {
				sums[sample.Metric.Name]++
			} else {
				sums[sample.Metric.Name] += sample.Value
			}
		}
	}
	return sums
}

func hasTags(set *metrics.TagSet, want map[string]string) bool {
	for k, v := range want {
		if got, _ := set.Get(k); got != v {
			return false
		}
	}
	return true
}

func TestOptionErrors(t *testing.T) {
	const edge = `edges: [{name: 'e', url: 'http://127.0.0.1:1'}]`
	for _, c := range []struct{ options, want string }{
		{`{event: 'demo', ` + edge + `}`, ""},
		{`{event: 'demo', ` + edge + `, buffer: null, phases: [], scrub: {at: 0, for: '5s'}, dvr_share: 0.05, seed: 18446744073709550000}`, ""},
		{``, `new Player: need an object`},
		{`{evnt: 'demo', ` + edge + `}`, `unknown key "evnt"; did you mean "event"?`},
		{`{event: 'demo', ` + edge + `, dvrShare: 0.1}`, `unknown key "dvrShare"; did you mean "dvr_share"?`},
		{`{event: 'demo', ` + edge + `, zzzzzzzzzzzzzzzz: 0.1}`, `there are event, edges, ladder`},
		{`{` + edge + `}`, `event: name the event`},
		{`{event: 5, ` + edge + `}`, `event: need a text, not 5`},
		{`{event: 'demo'}`, `edges: name one`},
		{`{event: 'demo', edges: 'http://x'}`, `edges: need a list`},
		{`{event: 'demo', edges: [5]}`, `edges[0]: need an object`},
		{`{event: 'demo', edges: [{name: 'a', url: '127.0.0.1:80'}]}`, `edges[0]: url: "127.0.0.1:80" is not like`},
		{`{event: 'demo', edges: [{name: 'a', ulr: 'http://x'}]}`, `edges[0]: unknown key "ulr"; did you mean "url"?`},
		{`{event: 'demo', edges: [{url: 'http://x'}]}`, `edges[0]: name`},
		{`{event: 'demo', edges: [{name: 'a', url: 'http://x'}, {name: 'a', url: 'http://y'}]}`, `edges[1]: name: another edge`},
		{`{event: 'demo', ` + edge + `, buffer: 4}`, `buffer: need a time with a unit`},
		{`{event: 'demo', ` + edge + `, buffer: '4 apples'}`, `buffer: "4 apples" is not a time`},
		{`{event: 'demo', ` + edge + `, buffer: '-4s'}`, `buffer: -4s is not within`},
		{`{event: 'demo', ` + edge + `, buffer: '2h'}`, `buffer: 2h0m0s is more than an hour`},
		{`{event: 'demo', ` + edge + `, dvr_share: 5}`, `dvr_share: 5 is not within 0 and 1`},
		{`{event: 'demo', ` + edge + `, dvr_share: NaN}`, `dvr_share: need a number`},
		{`{event: 'demo', ` + edge + `, check_every: 1.5}`, `check_every: need a whole number`},
		{`{event: 'demo', ` + edge + `, seed: -1}`, `seed: -1 is not within`},
		{`{event: 'demo', ` + edge + `, scrub: {at: '1s'}}`, `scrub: for`},
		{`{event: 'demo', ` + edge + `, scrub: {at: '1s', form: '3s'}}`, `scrub: unknown key "form"; did you mean "for"?`},
		{`{event: 'demo', ` + edge + `, phases: [{name: 'a', from: '1s'}, {name: 'b', from: '1s'}]}`, `phases[1]: from: 1s is not after`},
		{`{event: 'demo', ` + edge + `, phases: [{from: '1s'}]}`, `phases[0]: name`},
		{`{event: 'demo', ` + edge + `, k6_metrics: 'none'}`, `k6_metrics: "none" is neither`},
	} {
		err := newScript(t).run(`new live.Player(` + c.options + `)`)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v; want %q", c.options, err, c.want)
		}
	}
}

func TestPlanErrors(t *testing.T) {
	s := newScript(t)
	if err := s.run(`var p = new live.Player({event: 'demo', edges: [{name: 'e', url: 'http://127.0.0.1:1'}]})`); err != nil {
		t.Fatal(err)
	}
	if err := s.run(`p.play({viewers: 10, until: '1s'})`); err == nil || !strings.Contains(err.Error(), "default function") {
		t.Errorf("play in init context: error %v; want one that says where to call it", err)
	}
	s.vu(1)
	for plan, want := range map[string]string{
		``:                             `play: need an object`,
		`{until: '1s'}`:                `play: viewers: need an object`,
		`{viewers: 0, until: '1s'}`:    `viewers: peak: 0 is not within`,
		`{viewers: 2.5, until: '1s'}`:  `need a whole number`,
		`{viewers: '10', until: '1s'}`: `play: viewers: need an object`,
		`{viewers: {start: 5, peak: 2}, until: '1s'}`:     `start 5 is above peak 2`,
		`{viewers: {start: 5, paek: 2}, until: '1s'}`:     `unknown key "paek"; did you mean "peak"?`,
		`{viewers: {start: 5}, until: '1s'}`:              `give a number, or {start`,
		`{viewers: 1, until: '1s', for: '2s'}`:            `until and for`,
		`{viewers: 1, til: '1s'}`:                         `unknown key "til"; did you mean "until"?`,
		`{viewers: {peak: 1, ramp: 20}, until: '1s'}`:     `ramp: need a time with a unit`,
		`{viewers: {peak: 10000000, start: 1}, for: '1'}`: `for: "1" is not a time`,
	} {
		if err := s.run(`p.play(` + plan + `)`); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("play(%s): error %v; want %q", plan, err, want)
		}
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	origin := origintest.New()
	origin.Start = time.Now().Add(300 * time.Millisecond) // so that a slow machine is there in time
	origin.Tamper = func(w http.ResponseWriter, _ *http.Request, s *origintest.Segment) bool {
		if s.Rendition == "v360" && s.Number == 1003 {
			origintest.Refuse(w, http.StatusGone, "gap", time.Minute)
			return true
		}
		if s.Rendition == "v360" && s.Number == 1005 {
			s.Pipeline, s.Region, s.Defects = "b", "us-west", "short-segment"
		}
		return false
	}
	server := httptest.NewServer(origin)
	defer server.Close()
	s := newScript(t)
	err := s.run(`var p = new live.Player({event: 'demo', ladder: 'lowest', buffer: '400ms', check_every: 1,
		edges: [{name: 'us-east-1', region: 'us-east', url: '` + server.URL + `'}],
		phases: [{name: 'warm-up', from: '0s'}, {name: 'fault', from: '1s'}], snapshot: '` + filepath.Join(t.TempDir(), "a.jsonl") + `'})`)
	if err != nil {
		t.Fatal(err)
	}
	s.vu(1)
	if err := s.run(`var r = p.play({viewers: 4, until: '2s'}); if (r.viewers !== 4 || r.segments !== 76 || r.missed !== 4)
		throw new Error(JSON.stringify(r))`); err != nil {
		t.Fatal(err)
	}
	sums := s.sums(map[string]string{
		"scenario": "audience", "phase": "warm-up", "region": "us-east", "edge": "us-east-1", "rendition": "v360", "class": "live",
	})
	// Segments 1000 to 1003 are asked for in the first second, by four viewers; 1004 and later in the other phase, but for
	// the offset of up to 100 ms.
	if sums["live_missed"] != 4 || sums["live_segments"] != 12 || sums["live_edge_latency"] != 12 || sums["live_ttfb"] != 12 ||
		sums["live_generator_lag"] != 16 || sums["live_requests"] != 16 || sums["live_checked"] != 12 || sums["live_bytes"] == 0 {
		t.Errorf("warm-up: %v", sums)
	}
	if sums["live_defective"]+sums["live_switches"]+sums["live_late"]+sums["live_wrong_bytes"]+sums["live_failed_requests"] != 0 {
		t.Errorf("warm-up: %v; want nothing else amiss", sums)
	}
}

// What there is, README.md and index.d.ts tell of.
func TestDocumentation(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	types, err := os.ReadFile("index.d.ts")
	if err != nil {
		t.Fatal(err)
	}
	s := newScript(t)
	for _, m := range s.VU.InitEnvField.Registry.All() {
		if strings.HasPrefix(m.Name, "live_") && !strings.Contains(string(readme), "| `"+m.Name+"` | "+m.Type.String()) {
			t.Errorf("README.md does not tell of the %s %s", m.Type, m.Name)
		}
	}
	err = s.run(`new live.Player({there_is_no_such_option_at_all_anywhere: 1})`)
	_, list, ok := strings.Cut(fmt.Sprint(err), "there are ")
	if !ok {
		t.Fatalf("error %v; want one that lists the options", err)
	}
	list, _, _ = strings.Cut(list, " at ")
	for _, option := range strings.Split(strings.TrimSpace(list), ", ") {
		if !strings.Contains(string(readme), "| `"+option+"` | ") || !strings.Contains(string(types), "    "+option) {
			t.Errorf("README.md or index.d.ts does not tell of the option %q", option)
		}
	}
}

// latencies are the values of live_edge_latency, in milliseconds.
func (s *script) latencies() (ms []float64) {
	close(s.samples)
	for c := range s.samples {
		for _, sample := range c.GetSamples() {
			if sample.Metric.Name == "live_edge_latency" {
				ms = append(ms, sample.Value)
			}
		}
	}
	return ms
}

// What k6 reports of a server that freezes for a second is the freeze, for everything that was due meanwhile: not the one
// request that a closed loop would have had in flight.
func TestFreezeIsReported(t *testing.T) {
	t.Parallel()
	origin := origintest.New()
	origin.Start = time.Now().Add(300 * time.Millisecond)
	origin.Tamper = func(_ http.ResponseWriter, r *http.Request, _ *origintest.Segment) bool {
		if since := origin.Since(); since >= 500*time.Millisecond && since < 1500*time.Millisecond {
			origintest.Pause(r, 1500*time.Millisecond-since)
		}
		return false
	}
	server := httptest.NewServer(origin)
	defer server.Close()
	s := newScript(t)
	if err := s.run(`var p = new live.Player({event: 'demo', buffer: '3s', ladder: 'a128',
		edges: [{name: 'e', url: '` + server.URL + `'}]})`); err != nil {
		t.Fatal(err)
	}
	s.vu(1)
	if err := s.run(`p.play({viewers: 1, until: '2s'})`); err != nil {
		t.Fatal(err)
	}
	all, slow := s.latencies(), 0
	for _, ms := range all {
		if ms >= 200 {
			slow++
		}
	}
	// Available within the freeze are the segments of 600, 800, 1000, 1200 and 1400 ms. The first of them is 900 ms old when
	// the freeze is over, however late after 600 ms its viewer asked.
	if len(all) != 10 || slow < 4 || slices.Max(all) < 899 {
		t.Errorf("%d latencies, %d of them slow: %v; want 10, and 4 at least that waited, one for 900 ms", len(all), slow, all)
	}
}

func TestCountersOnly(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(origintest.New())
	defer server.Close()
	s := newScript(t)
	if err := s.run(`var p = new live.Player({event: 'demo', k6_metrics: 'counters', edges: [{name: 'e', url: '` + server.URL + `'}]})`); err != nil {
		t.Fatal(err)
	}
	s.vu(1)
	if err := s.run(`p.play({viewers: 2, for: '500ms'})`); err != nil {
		t.Fatal(err)
	}
	sums := s.sums(nil)
	if sums["live_segments"] == 0 || sums["live_edge_latency"]+sums["live_ttfb"]+sums["live_generator_lag"] != 0 {
		t.Errorf("%v; want counts and no trends", sums)
	}
}

// The gauge is of all VUs, and comes back to zero.
func TestViewersOfAllVUs(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(origintest.New())
	defer server.Close()
	s := newScript(t)
	if err := s.run(`var p = new live.Player({event: 'demo', edges: [{name: 'e', url: '` + server.URL + `'}]})`); err != nil {
		t.Fatal(err)
	}
	s.vu(1)
	s.root.watching.Store(100)
	if err := s.run(`p.play({viewers: 7, for: '1500ms'})`); err != nil {
		t.Fatal(err)
	}
	close(s.samples)
	most := 0.0
	for c := range s.samples {
		for _, sample := range c.GetSamples() {
			if sample.Metric.Name == "live_viewers" {
				most = max(most, sample.Value)
			}
		}
	}
	if most != 107 || s.root.watching.Load() != 100 {
		t.Errorf("at most %v viewers, %d left; want 107 and 100", most, s.root.watching.Load())
	}
}

// TLS is the VU's: without its certificates, or its leave to do without, there is nothing.
func TestTLS(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(origintest.New())
	defer server.Close()
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	s := newScript(t)
	if err := s.run(`var p = new live.Player({event: 'demo', edges: [{name: 'e', url: '` + server.URL + `'}]})`); err != nil {
		t.Fatal(err)
	}
	s.vu(1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	s.VU.CtxField = ctx
	if err := s.run(`p.play({viewers: 1, for: '500ms'})`); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an unknown authority: error %v; want one about its certificate", err)
	}
	s = newScript(t)
	if err := s.run(`var p = new live.Player({event: 'demo', edges: [{name: 'e', url: '` + server.URL + `'}]})`); err != nil {
		t.Fatal(err)
	}
	s.vu(1)
	s.VU.StateField.TLSConfig = server.Client().Transport.(*http.Transport).TLSClientConfig
	if err := s.run(`if (p.play({viewers: 1, for: '500ms'}).segments < 2) throw new Error('nothing came')`); err != nil {
		t.Error(err)
	}
}

// Everything goes through the VU's own dialer: that is what makes k6's options hold.
func TestDialer(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	s.vu(1)
	if err := s.run(`new live.Player({event: 'demo', edges: [{name: 'e', url: 'http://edge.invalid'}]})`); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(origintest.New())
	defer server.Close()
	s.VU.StateField.Dialer = hosts{to: server.Listener.Addr().String()}
	if err := s.run(`var p = new live.Player({event: 'demo', edges: [{name: 'e', url: 'http://edge.invalid'}]});
		if (p.play({viewers: 1, for: '500ms'}).segments < 2) throw new Error('nothing came')`); err != nil {
		t.Error(err)
	}
}
