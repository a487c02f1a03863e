package originhttp

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

type ctx = context.Context

// contextWithStop ends after some time, or when it is stopped.
func contextWithStop(t testing.TB, after time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), after)
}

func newRecorder() *httptest.ResponseRecorder { return httptest.NewRecorder() }

// newUpload is a long upload without a connection.
func newUpload(t testing.TB, body string) *http.Request {
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/final/Streams(v360.cmfv)", strings.NewReader(body))
	r.Header.Set("Live-Pipeline", "a")
	r.TransferEncoding, r.ContentLength = []string{"chunked"}, -1
	return r
}

func iotestOneByte(s string) io.Reader { return iotest.OneByteReader(strings.NewReader(s)) }
