package stack

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/faults"
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/originhttp"
	"github.com/liveorigin/liveorigin/scenarios"
	"github.com/liveorigin/liveorigin/sim/hurried"
)

type records struct {
	mu  sync.Mutex
	all []origin.Record
}

func (r *records) Record(rec origin.Record) {
	r.mu.Lock()
	r.all = append(r.all, rec)
	r.mu.Unlock()
}

const small = `
about: a test
event: {duration: 24s, ladder: small}
regions:
  east: {pipelines: [a], origins: 2}
  west: {pipelines: [b]}
audience: {edges: 1, viewers: {peak: 1}}
`

// world is a small event on a stack of real servers.
type world struct {
	*Stack
	sc  *scenarios.Scenario
	ev  origin.Event
	rt  *hurried.Clock
	rec *records
}

func newWorld(t *testing.T, more string, overrides ...scenarios.Override) *world {
	t.Helper()
	sc, err := scenarios.Parse("test.yaml", []byte(small+more), overrides...)
	if err != nil {
		t.Fatal(err)
	}
	rt := hurried.New()
	ev := sc.Event(rt.Now().Add(8*time.Second + sc.Before())) // most of a second, to get everything ready on a busy machine
	var fs []faults.Fault
	for _, spec := range sc.FaultSpecs() {
		fs = append(fs, faults.New(spec, ev.AvailabilityStartTime, rt))
	}
	rec := new(records)
	s, err := NewEmbedded(context.Background(), sc, ev, fs, rt, rec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	s.Publish()
	return &world{s, sc, ev, rt, rec}
}

// watch asks an edge for every segment of a rendition when it becomes available, as a viewer does.
func (w *world) watch(t *testing.T, e *Edge, rendition string) []origin.Response {
	t.Helper()
	c, err := originhttp.NewClient(e.URL, originhttp.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var got []origin.Response
	for n := w.ev.StartNumber; n <= w.ev.LastNumber(); n++ {
		_ = w.rt.Sleep(context.Background(), w.ev.AvailableAt(n).Sub(w.rt.Now()))
		r, err := c.Get(context.Background(), origin.Request{Event: w.ev.ID, Rendition: rendition, Number: n})
		if err != nil {
			t.Fatalf("segment %d of %s from %s: %v", n, rendition, e.Name, err)
		}
		got = append(got, r)
	}
	return got
}

func pipelines(rs []origin.Response) string {
	var b strings.Builder
	for _, r := range rs {
		switch {
		case r.OK():
			b.WriteString(r.Pipeline)
		default:
			b.WriteString("-")
		}
	}
	return b.String()
}

// steadily runs a test that lives on a hurried clock, and runs it again when it failed while the machine stood still: a
// tenth of a second is a second of the event. What fails on a steady machine has failed.
func steadily(t *testing.T, test func() (complaints []string)) {
	t.Helper()
	for try := 1; ; try++ {
		longest := watchForStalls()
		complaints := test()
		if stalled := longest(); len(complaints) > 0 && stalled >= 100*time.Millisecond && try < 4 {
			t.Logf("try %d failed while the machine stood still for %v: %s", try, stalled, strings.Join(complaints, "; "))
			continue
		}
		for _, c := range complaints {
			t.Error(c)
		}
		return
	}
}

// watchForStalls measures by how much a short sleep takes too long, until it is asked.
func watchForStalls() (longest func() time.Duration) {
	done, result := make(chan struct{}), make(chan time.Duration)
	go func() {
		const beat = 10 * time.Millisecond
		var most time.Duration
		for {
			began := time.Now()
			select {
			case <-done:
				result <- most
				return
			case <-time.After(beat):
				most = max(most, time.Since(began)-beat)
			}
		}
	}()
	return func() time.Duration {
		close(done)
		return <-result
	}
}

func TestQuietEventIsServedWhole(t *testing.T) {
	t.Parallel()
	steadily(t, func() (complaints []string) {
		w := newWorld(t, "")
		for i, r := range w.watch(t, w.Edges()[0], "v360") {
			if r.Reason != origin.Published || r.Defects != 0 {
				complaints = append(complaints, fmt.Sprintf("segment %d: %s, %v", i+1, r.Reason, r.Defects))
			}
		}
		return complaints
	})
}

// While the region is gone its edges are served by the other one's pipeline, and by their own again afterwards.
func TestRegionLossSwitchesAndSwitchesBack(t *testing.T) {
	t.Parallel()
	steadily(t, func() (complaints []string) {
		w := newWorld(t, "faults: [{kind: region-loss, region: east, at: 7s, for: 8s}]\n")
		got := pipelines(w.watch(t, w.Edges()[0], "v360"))
		// Segments become available at even seconds; 4 to 7 do while the region is gone.
		if strings.Contains(got, "-") || got[3:7] != "bbbb" || !strings.Contains(got[:3], "a") || !strings.Contains(got[8:], "a") {
			complaints = append(complaints, "served by "+got)
		}
		f, felt := w.Faults[0], 0
		w.rec.mu.Lock()
		defer w.rec.mu.Unlock()
		for _, r := range w.rec.all {
			if f.Felt(r) {
				felt++
			}
		}
		if felt == 0 || f.Affected() == 0 {
			complaints = append(complaints, fmt.Sprintf("felt by %d records, affected %d calls", felt, f.Affected()))
		}
		return complaints
	})
}

// What an edge served, across switches between pipelines, is media that a decoder has nothing to complain about.
func TestServedMediaDecodes(t *testing.T) {
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		if os.Getenv("LIVEORIGIN_REQUIRE_FFMPEG") != "" {
			t.Fatal("no ffmpeg")
		}
		t.Skip("no ffmpeg: install it to decode what was served")
	}
	for rendition, packets := range map[string]string{"v360": "600", "a96": "1125"} { // 24 s at 25 fps; at 48,000/1,024
		t.Run(rendition, func(t *testing.T) {
			t.Parallel()
			steadily(t, func() []string { return decodeServed(t, ffmpeg, rendition, packets) })
		})
	}
}

// decodeServed watches an event in which one pipeline has defects for a while, and decodes what came.
func decodeServed(t *testing.T, ffmpeg, rendition, packets string) (complaints []string) {
	w := newWorld(t, "faults: [{kind: media-defect, defect: decode-time, pipeline: a, at: 7s, for: 6s}]\n")
	e := w.Edges()[0]
	served := w.watch(t, e, rendition)
	body := w.header(t, e, rendition)
	for _, r := range served {
		body = append(body, r.Object.Body...)
	}
	path := filepath.Join(t.TempDir(), rendition+".mp4")
	if err := os.WriteFile(path, body, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := pipelines(served); !strings.Contains(got, "a") || !strings.Contains(got, "b") {
		complaints = append(complaints, "no switch between pipelines: "+got)
	}
	out, err := exec.Command(ffmpeg, "-v", "error", "-i", path, "-f", "null", "-").CombinedOutput()
	if err != nil || len(out) > 0 {
		complaints = append(complaints, fmt.Sprintf("%s, served by %s: %v\n%s", rendition, pipelines(served), err, out))
	}
	probe, err := exec.Command("ffprobe", "-v", "error", "-count_packets", "-show_entries", "stream=nb_read_packets",
		"-of", "csv=p=0", path).CombinedOutput()
	if strings.TrimSpace(string(probe)) != packets {
		complaints = append(complaints, fmt.Sprintf("%s: %s packets (%v), want %s", rendition, probe, err, packets))
	}
	return complaints
}

func (w *world) header(t *testing.T, e *Edge, rendition string) []byte {
	t.Helper()
	resp, err := http.Get(e.URL + "/" + w.ev.ID + "/" + rendition + "/init.mp4")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("header of %s: %s, %v", rendition, resp.Status, err)
	}
	return b
}

func TestManifestsAreServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	for _, path := range []string{"manifest.mpd", "master.m3u8", "v360/playlist.m3u8", "config"} {
		resp, err := http.Get(w.Edges()[0].URL + "/" + w.ev.ID + "/" + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if status := resp.Header.Get("Cache-Status"); resp.StatusCode != 200 || !strings.Contains(status, "east-edge-1") {
			t.Errorf("%s: %s, Cache-Status %q", path, resp.Status, status)
		}
	}
}

// A stack that is closed in the middle of an event sends away whom it holds and leaves nothing behind (goleak looks at
// the end).
func TestCloseInTheMiddle(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	c, err := originhttp.NewClient(w.Edges()[0].URL, originhttp.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	answered := make(chan origin.Response)
	go func() {
		r, _ := c.Get(context.Background(), origin.Request{Event: w.ev.ID, Rendition: "v360", Number: w.ev.StartNumber})
		answered <- r
	}()
	for w.regions["east"].nodes[0].Holders() == 0 && w.rt.Now().Before(w.ev.AvailableAt(w.ev.StartNumber)) {
		_ = w.rt.Sleep(context.Background(), 10*time.Millisecond)
	}
	_ = w.Close() // which is looked at when the test is over
	if r := <-answered; r.OK() {
		t.Errorf("answered %s by a stack that was closed before the segment was there", r.Reason)
	}
}
