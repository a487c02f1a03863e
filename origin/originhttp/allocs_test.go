//go:build !race

package originhttp_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/liveorigin/liveorigin/origin/originhttp"
)

// nowhere is a ResponseWriter that costs nothing itself.
type nowhere struct {
	fields http.Header
	status int
	bytes  int
}

func (w *nowhere) Header() http.Header         { return w.fields }
func (w *nowhere) WriteHeader(status int)      { w.status = status }
func (w *nowhere) Write(b []byte) (int, error) { w.bytes += len(b); return len(b), nil }

// A hit, from the handler down to the object in memory, allocates the text of its header and the list of its values, and
// nothing else. (What net/http allocates before and after is its own; under the race detector pools forget on purpose.)
func TestHitAllocatesTwice(t *testing.T) {
	node := speedNode(t, nil)
	ev, _ := node.Event("final")
	p := segmentOf(t, ev, ev.LiveEdge(ev.AvailabilityStartTime.Add(60e9)), 512<<10)
	if r, err := node.Publish(t.Context(), p); err != nil || !r.Outcome.Accepted() {
		t.Fatal(r, err)
	}
	h := delivery(node)
	w := &nowhere{fields: make(http.Header, 32)}
	path := originhttp.Path{Event: ev.ID, Rendition: p.Key.Rendition, File: originhttp.SegmentFile, Number: p.Key.Number}
	r := httptest.NewRequest(http.MethodGet, path.String(), nil)
	allocs := testing.AllocsPerRun(1000, func() {
		clear(w.fields)
		w.bytes = 0
		h.ServeHTTP(w, r)
	})
	if w.status != http.StatusOK || w.bytes != p.Object.Size {
		t.Fatalf("%d with %d bytes", w.status, w.bytes)
	}
	if allocs > 2 {
		t.Errorf("%v allocations, want 2", allocs)
	}
}
