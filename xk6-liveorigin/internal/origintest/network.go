package origintest

import (
	"net/http"
	"net/http/httptest"
	"syscall"
)

// Network is an http.RoundTripper without sockets, so that tests can run on testing/synctest's clock: host names lead to
// handlers. A host that is not there refuses connections.
type Network map[string]http.Handler

// RoundTrip hands the request to its host's handler, and the answer back; both at once unless the handler sleeps.
func (n Network) RoundTrip(r *http.Request) (*http.Response, error) {
	h, ok := n[r.URL.Host]
	if !ok {
		return nil, syscall.ECONNREFUSED
	}
	done := make(chan *http.Response, 1)
	go func() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		done <- w.Result()
	}()
	select {
	case resp := <-done:
		return resp, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}
