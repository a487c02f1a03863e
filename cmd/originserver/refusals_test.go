package originserver

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// What memory refuses is refused before net/http hears of it, and counted all the same. What has a trace is not: a log would
// not tell it.
func TestRefusalsNeedNoHandler(t *testing.T) {
	var handled atomic.Int64
	s := startWith(t, folder(t), "name: o\nregion: east\n"+onFreePorts, func(s *Server) {
		for i := range s.doors {
			if d := &s.doors[i]; d.name == deliver {
				inner := d.handler
				d.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					handled.Add(1)
					inner.ServeHTTP(w, r)
				})
			}
		}
	})
	for _, c := range []struct {
		path, trace string
		handled     int64
	}{
		{"/nobody/v360/1.m4s", "", 0},
		{"/nobody/v360/1.m4s", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", 1},
		{"/nobody/config", "", 2},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.at[deliver]+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.trace != "" {
			req.Header.Set("Traceparent", c.trace)
		}
		transport := &http.Transport{DisableCompression: true}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		transport.CloseIdleConnections()
		if n := handled.Load(); resp.StatusCode != http.StatusNotFound || n != c.handled {
			t.Errorf("%s, trace %q: %s, handled by net/http so far: %d, want %d", c.path, c.trace, resp.Status, n, c.handled)
		}
	}
	const counted = `liveorigin_requests_total{class="background",event="",reason="unknown-event",status="404"} 2`
	if _, text := get(t, "http://"+s.at[operate]+"/metrics"); !strings.Contains(text, counted) {
		t.Errorf("no %s", counted)
	}
}
