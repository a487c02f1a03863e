package guard

import (
	"fmt"
	"net/http"
	"os"
	"time"
)

// Refusal is why a request is not let through, or a connection not kept. The zero value is no refusal.
type Refusal uint8

// The refusals. Each is a class of its own in counters and in the log.
const (
	None Refusal = iota
	BadLine
	BareLF
	BadField
	FoldedLine
	BadTarget
	DotSegment
	BadHost
	WrongHost
	BadFraming
	UnknownCoding
	UnknownMethod
	UnknownVersion
	UnknownExpectation
	TargetTooLong
	HeadTooLarge
	SlowHead
	SlowBody
	BadChunk
	TooManyConnections
	TooManyOfClient
	BadHandshake
	refusals // how many there are
)

// said is what a refusal is called in counters, its status (0 where the guard has nobody to answer), and what it says.
var said = [refusals]struct {
	name   string
	status int
	text   string
}{
	BadLine:            {"bad-line", http.StatusBadRequest, "not an HTTP request line"},
	BareLF:             {"bare-lf", http.StatusBadRequest, "lines end in CRLF"},
	BadField:           {"bad-field", http.StatusBadRequest, "malformed field line"},
	FoldedLine:         {"folded-line", http.StatusBadRequest, "folded field line"},
	BadTarget:          {"bad-target", http.StatusBadRequest, "malformed target"},
	DotSegment:         {"dot-segment", http.StatusBadRequest, "dot segment or empty segment in the path"},
	BadHost:            {"bad-host", http.StatusBadRequest, "one Host, please, and the one of the target"},
	WrongHost:          {"wrong-host", http.StatusMisdirectedRequest, "not a host of this server"},
	BadFraming:         {"bad-framing", http.StatusBadRequest, "one length, please: Content-Length or chunked"},
	UnknownCoding:      {"unknown-coding", http.StatusNotImplemented, "the only transfer coding is chunked"},
	UnknownMethod:      {"unknown-method", http.StatusNotImplemented, "unknown method"},
	UnknownVersion:     {"unknown-version", http.StatusHTTPVersionNotSupported, "HTTP/1.1 or HTTP/1.0, please"},
	UnknownExpectation: {"unknown-expectation", http.StatusExpectationFailed, "the only expectation is 100-continue"},
	TargetTooLong:      {"target-too-long", http.StatusRequestURITooLong, "target too long"},
	HeadTooLarge:       {"head-too-large", http.StatusRequestHeaderFieldsTooLarge, "too many fields, or too large"},
	SlowHead:           {"slow-head", http.StatusRequestTimeout, "the head took too long"},
	SlowBody:           {"slow-body", 0, "the body took too long"},
	BadChunk:           {"bad-chunk", 0, "malformed chunk"},
	TooManyConnections: {"too-many-connections", http.StatusServiceUnavailable, "too many connections"},
	TooManyOfClient:    {"too-many-of-client", http.StatusServiceUnavailable, "too many connections of one client"},
	BadHandshake:       {"bad-handshake", 0, "TLS handshake failed"},
}

// String is a token.
func (r Refusal) String() string { return said[r].name }

// Error is what a handler gets that reads a body with something wrong.
func (r Refusal) Error() string { return "guard: " + said[r].text }

// Status is the answer's; 0 where a handler finds the words, or nobody is answered.
func (r Refusal) Status() int { return said[r].status }

// Timeout makes a body that is too slow an exceeded deadline, as package net has it.
func (r Refusal) Timeout() bool { return r == SlowBody || r == SlowHead }

// Temporary completes net.Error.
func (r Refusal) Temporary() bool { return false }

// Is makes what is too slow an os.ErrDeadlineExceeded.
func (r Refusal) Is(target error) bool { return target == os.ErrDeadlineExceeded && r.Timeout() }

// answer is the whole response to a refused request, as on the wire.
func (r Refusal) answer(now time.Time) []byte {
	status, text := r.Status(), said[r].text
	more := ""
	if status == http.StatusServiceUnavailable {
		more = "Retry-After: 1\r\n"
	}
	return fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: text/plain; charset=utf-8\r\n"+
		"Cache-Control: no-store\r\nContent-Length: %d\r\n%sConnection: close\r\n\r\n%s\n",
		status, http.StatusText(status), now.UTC().Format(http.TimeFormat), len(text)+1, more, text)
}
