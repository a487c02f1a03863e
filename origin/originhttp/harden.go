package originhttp

import (
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
)

// What a request line and a header may have, beyond the server's limit on the header as a whole.
const (
	maxURI    = 8 << 10
	maxFields = 100
)

// harden closes what net/http leaves open and a handler can see: overlong URIs (414), too many fields (431), and
// panics, which end their own request and are written to the log.
func harden(h http.Handler, log io.Writer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case len(r.RequestURI) > maxURI:
			closeWith(w, http.StatusRequestURITooLong, "URI too long")
			return
		case countFields(r.Header) > maxFields:
			closeWith(w, http.StatusRequestHeaderFieldsTooLarge, "too many fields")
			return
		}
		defer report(r, log)
		h.ServeHTTP(w, r)
	})
}

// report logs a panic and turns it into an aborted connection, so that nothing half-written is taken for an answer.
func report(r *http.Request, log io.Writer) {
	switch v := recover(); v {
	case nil:
	case http.ErrAbortHandler:
		panic(v)
	default:
		fmt.Fprintf(log, "panic in %s %.200q: %v\n%s", r.Method, r.URL.Path, v, debug.Stack())
		panic(http.ErrAbortHandler)
	}
}

func countFields(h http.Header) (n int) {
	for _, values := range h {
		n += len(values)
	}
	return n
}

// closeWith refuses a request with a line of text and closes the connection, so that what else it sends is not read.
func closeWith(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Connection", "close")
	http.Error(w, text, status)
}
