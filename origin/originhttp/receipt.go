package originhttp

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// refusal is why a publication does not get to the publisher: an outcome, or a status where there is none that says it.
type refusal struct {
	status  int
	outcome origin.Outcome
	text    string
	close   bool // the body, or the rest of it, is not read
}

func bad(text string) *refusal { return &refusal{status: http.StatusBadRequest, text: text} }

func preconditionFailed(text string) *refusal {
	return &refusal{status: http.StatusPreconditionFailed, text: text}
}

func tooLarge(limit int64) *refusal {
	return &refusal{
		status: http.StatusRequestEntityTooLarge, close: true,
		text: "a body has at most " + strconv.FormatInt(limit, 10) + " bytes",
	}
}

func (ref *refusal) write(w http.ResponseWriter) {
	if ref.close {
		w.Header().Set("Connection", "close")
	}
	if ref.outcome != "" {
		acknowledge(w, origin.Receipt{Outcome: ref.outcome, Detail: ref.text})
		return
	}
	if ref.status == http.StatusUnauthorized { // RFC 6750, section 3
		w.Header().Set("WWW-Authenticate", `Bearer realm="publishing"`)
	}
	http.Error(w, ref.text, ref.status)
}

// receiptJSON is the body of every answer that has an outcome.
type receiptJSON struct {
	Outcome origin.Outcome `json:"outcome"`
	Defects []string       `json:"defects,omitempty"`
	Detail  string         `json:"detail,omitempty"`
	// Track is how a long upload went.
	Track *tally `json:"track,omitempty"`
}

// tally counts the segments of a long upload.
type tally struct {
	Stored   int `json:"stored"`
	Repeated int `json:"repeated"`
	Refused  int `json:"refused"`
}

func acknowledge(w http.ResponseWriter, receipt origin.Receipt) { acknowledgeAll(w, receipt, nil) }

func acknowledgeAll(w http.ResponseWriter, receipt origin.Receipt, track *tally) {
	body, err := json.Marshal(receiptJSON{receipt.Outcome, receipt.Defects.Names(), receipt.Detail, track})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	body = append(body, '\n')
	var buf [256]byte
	f := fields{text: buf[:0]}
	f.add(fieldOutcome, string(receipt.Outcome))
	if receipt.Outcome.Accepted() {
		f.add(fieldDefects, defectList(receipt.Defects))
	}
	f.add("Cache-Control", "no-store")
	f.add("Content-Type", "application/json")
	f.addInt("Content-Length", len(body))
	status := receipt.Outcome.Status()
	if status == http.StatusServiceUnavailable {
		f.addInt("Retry-After", retryAfter(time.Second))
	}
	f.writeTo(w.Header())
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
