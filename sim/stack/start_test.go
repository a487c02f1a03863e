package stack

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/originhttp"
	"github.com/liveorigin/liveorigin/scenarios"
)

// document reads one of the event's from an edge.
func (w *world) document(t *testing.T, e *Edge, name string) string {
	t.Helper()
	resp, err := http.Get(e.URL + "/" + w.ev.ID + "/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", name, resp.Status, err)
	}
	return string(body)
}

// startOf complains of an edge that does not announce a start: in the configuration, and in the manifest.
func (w *world) startOf(t *testing.T, e *Edge, want time.Time) (complaints []string) {
	t.Helper()
	var ev origin.Event
	if err := json.Unmarshal([]byte(w.document(t, e, "config")), &ev); err != nil {
		t.Fatal(err)
	}
	if ev.AvailabilityStartTime.Sub(want).Abs() >= time.Millisecond { // which is how finely operators say it
		complaints = append(complaints, fmt.Sprintf("%s: the configuration says %v, want %v", e.Name, ev.AvailabilityStartTime, want))
	}
	mpd := w.document(t, e, "manifest.mpd")
	_, rest, _ := strings.Cut(mpd, `availabilityStartTime="`)
	said, _, _ := strings.Cut(rest, `"`)
	if start, err := time.Parse(time.RFC3339, said); err != nil || start.Sub(want).Abs() >= time.Millisecond {
		complaints = append(complaints, fmt.Sprintf("%s: the manifest says %q, want %v", e.Name, said, want))
	}
	return complaints
}

// An event is put off, on real servers. Everybody knows in time; who asks all the same, when it was to begin, is told that it is
// too early, and for how long; pipelines have published nothing by then, and everything later.
func TestStartIsPutOff(t *testing.T) {
	t.Parallel()
	steadily(t, func() (complaints []string) {
		w := newWorld(t, "operations: [{do: start, at: -14s, time: 0s}]\n", scenarios.Override{Path: "event.planned", Value: "-8s"})
		defer w.Close()
		ctx, first, start := context.Background(), w.ev.StartNumber, w.ev.AvailabilityStartTime
		at := func(d time.Duration) { _ = w.rt.Sleep(ctx, start.Add(d).Sub(w.rt.Now())) }
		announced := w.sc.Announced(w.ev)
		for _, e := range w.Edges() {
			complaints = append(complaints, w.startOf(t, e, announced.AvailabilityStartTime)...)
		}
		at(-14 * time.Second)
		w.Operate(w.sc.Operations()[0])
		at(-11 * time.Second)
		for _, e := range w.Edges() {
			complaints = append(complaints, w.startOf(t, e, start)...)
		}
		at(-8*time.Second + w.ev.SegmentDuration + w.ev.PublishDelay) // when the first was to be there
		for _, url := range []string{w.Edges()[0].URL, w.Addresses()["east-origin-1/deliver"]} {
			c, err := originhttp.NewClient(url, originhttp.ClientOptions{})
			if err != nil {
				t.Fatal(err)
			}
			r, err := c.Get(ctx, origin.Request{Event: w.ev.ID, Rendition: "v360", Number: first})
			left := w.ev.ExpectedPublish(first).Sub(w.rt.Now())
			if c.Close(); err != nil || r.Reason != origin.Early || (r.MaxAge-left).Abs() > time.Second {
				complaints = append(complaints, fmt.Sprintf("%s for %v, %v; want %s until it is expected in %v", r.Reason, r.MaxAge, err, origin.Early, left))
			}
		}
		if n := w.rec.count(origin.KindPublish); n != 0 {
			complaints = append(complaints, fmt.Sprintf("%d publications before the start", n))
		}
		if got := pipelines(w.watch(t, w.Edges()[0], "v360")); len(got) != 12 || strings.Contains(got, "-") {
			complaints = append(complaints, "served from "+got)
		}
		return append(complaints, w.rec.unpublished()...)
	})
}

// count is how many records there are of a kind.
func (r *records) count(kind string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rec := range r.all {
		if rec.Kind == kind {
			n++
		}
	}
	return n
}

// unpublished complains of every publication that was not taken.
func (r *records) unpublished() (complaints []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rec := range r.all {
		if rec.Kind == origin.KindPublish && rec.Error != "" {
			complaints = append(complaints, fmt.Sprintf("%s/%d of %s: %s", rec.Rendition, rec.Number, rec.Pipeline, rec.Error))
		}
	}
	return complaints
}
