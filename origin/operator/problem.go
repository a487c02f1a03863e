package operator

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/liveorigin/liveorigin/origin/control"
)

// Problem says why something was not done (RFC 9457, problem details). It is an error of Client's, too, and then matches
// the error of package control that it tells of.
type Problem struct {
	Type   string `json:"type"` // a name for programs: urn:liveorigin:problem:mask-first
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
}

const problemType = "urn:liveorigin:problem:"

// Error implements error.
func (p *Problem) Error() string {
	if p.Detail != "" {
		return p.Detail
	}
	return p.Title
}

// Is says whether the problem tells of an error of package control.
func (p *Problem) Is(target error) bool {
	for _, k := range problems {
		if k.err == target && p.Type == problemType+k.name {
			return true
		}
	}
	return false
}

// problems is the closed table of what can be wrong with an operation.
var problems = []struct {
	err    error
	name   string
	status int
}{
	{control.ErrUnavailable, "unavailable", http.StatusServiceUnavailable}, // first: it may wrap another
	{control.ErrUnknown, "unknown-event", http.StatusNotFound},
	{control.ErrAbsent, "absent", http.StatusNotFound},
	{control.ErrExists, "exists", http.StatusConflict},
	{control.ErrMaskFirst, "mask-first", http.StatusConflict},
	{control.ErrTooLate, "too-late", http.StatusConflict},
	{control.ErrTooMany, "too-many-events", http.StatusConflict},
	{control.ErrGone, "removed", http.StatusGone},
	{control.ErrVersion, "version", http.StatusPreconditionFailed},
	{control.ErrReused, "key-reused", http.StatusUnprocessableEntity},
}

// problemOf tells an operation's error.
func problemOf(err error) *Problem {
	for _, k := range problems {
		if errors.Is(err, k.err) {
			return &Problem{problemType + k.name, k.err.Error(), k.status, err.Error()}
		}
	}
	return problem(http.StatusUnprocessableEntity, err.Error())
}

// problem is one that its status says everything of.
func problem(status int, detail string) *Problem {
	return &Problem{"about:blank", http.StatusText(status), status, detail}
}

func (p *Problem) write(w http.ResponseWriter) {
	switch p.Status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="liveorigin"`)
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
	}
	writeJSON(w, p.Status, "application/problem+json", p)
}

func writeJSON(w http.ResponseWriter, status int, contentType string, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // nothing of ours cannot be written
	}
	write(w, status, contentType, body)
}

func write(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // who does not want it has gone
}
