// Package origintest is an origin that is just enough of one to test players with: an event's configuration, and
// segments that are there when they should be, unless a test says otherwise.
package origintest

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Origin is an http.Handler. The zero Tamper serves everything as it should be.
type Origin struct {
	ID           string
	Start        time.Time
	StartNumber  int64
	Segment      time.Duration
	PublishDelay time.Duration
	RetryBudget  time.Duration
	TimeShift    time.Duration
	Length       time.Duration // 0 leaves the end open
	Hold         bool          // hold early requests for the next segment, instead of refusing them
	Size         int           // of a segment's media data
	// Tamper may answer instead, or change what a good answer would be and leave it to the origin (false).
	Tamper func(http.ResponseWriter, *http.Request, *Segment) bool
}

// Segment is one request's subject, and what will be said of it.
type Segment struct {
	Rendition string
	Number    int64
	Pipeline  string
	Region    string
	Defects   string
	NoDigest  bool
	Body      []byte
	Digest    uint32
}

// New is an event of 200 ms segments that begins now.
func New() *Origin {
	return &Origin{
		ID: "demo", Start: time.Now(), StartNumber: 1000, Segment: 200 * time.Millisecond,
		PublishDelay: 20 * time.Millisecond, RetryBudget: 200 * time.Millisecond, TimeShift: 30 * time.Second, Size: 2000,
		Hold: true,
	}
}

// Since is how long the event has been going.
func (o *Origin) Since() time.Duration { return time.Since(o.Start) }

type rendition struct {
	ID          string `json:"id"`
	Kind        string `json:"kind"`
	Bandwidth   int    `json:"bandwidth"`
	Timescale   uint32 `json:"timescale"`
	SampleTicks uint32 `json:"sample_ticks"`
}

var renditions = []rendition{
	{"v1080", "video", 5_000_000, 90000, 1800}, {"v360", "video", 800_000, 90000, 1800},
	{"a128", "audio", 128_000, 48000, 1024},
}

// Config is the event's configuration.
func (o *Origin) Config() []byte {
	c := map[string]any{
		"id": o.ID, "availability_start_time": o.Start.UTC(), "start_number": o.StartNumber,
		"segment_ms": o.Segment.Milliseconds(), "time_shift_buffer_ms": o.TimeShift.Milliseconds(),
		"publish_delay_ms": o.PublishDelay.Milliseconds(), "retry_budget_ms": o.RetryBudget.Milliseconds(),
		"live_edge_segments": 3, "renditions": renditions,
	}
	if o.Length > 0 {
		c["end_time"] = o.Start.Add(o.Length).UTC()
	}
	b, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	return b
}

// ServeHTTP answers for /{event}/config and /{event}/{rendition}/{n}.m4s.
func (o *Origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(parts) == 2 && parts[1] == "config" {
		_, _ = w.Write(o.Config())
		return
	}
	s, ok := o.segment(parts)
	if !ok {
		Refuse(w, http.StatusNotFound, "unknown-rendition", time.Second)
		return
	}
	if o.Tamper != nil && o.Tamper(w, r, s) {
		return
	}
	if !o.ready(w, r, s.Number) {
		return
	}
	o.serve(w, s)
}

func (o *Origin) segment(parts []string) (*Segment, bool) {
	if len(parts) != 3 || parts[0] != o.ID {
		return nil, false
	}
	n, err := strconv.ParseInt(strings.TrimSuffix(parts[2], ".m4s"), 10, 64)
	for _, r := range renditions {
		if err == nil && r.ID == parts[1] {
			start := time.Duration(n-o.StartNumber) * o.Segment
			body := Fragment(uint64(start.Seconds()*float64(r.Timescale)+0.5), o.Size)
			return &Segment{
				Rendition: r.ID, Number: n, Pipeline: "a", Region: "us-east", Body: body, Digest: Digest(body),
			}, true
		}
	}
	return nil, false
}

// ready says whether the segment is there; if not, the answer has been given, or the request was held until it was.
func (o *Origin) ready(w http.ResponseWriter, r *http.Request, n int64) bool {
	since := o.Since()
	published := time.Duration(n-o.StartNumber+1)*o.Segment + o.PublishDelay
	switch {
	case n < o.StartNumber:
		Refuse(w, http.StatusNotFound, "before-start", time.Minute)
		return false
	case since > published-o.PublishDelay+o.TimeShift:
		Refuse(w, http.StatusGone, "expired", time.Minute)
		return false
	case since < published && !o.Hold:
		Refuse(w, http.StatusNotFound, "early", published-since)
		return false
	case since < published:
		Pause(r, published-since)
		w.Header().Set("Server-Timing", fmt.Sprintf("store;dur=0.2, hold;dur=%d.500", (published-since).Milliseconds()))
	}
	return true
}

func (o *Origin) serve(w http.ResponseWriter, s *Segment) {
	h := w.Header()
	h.Set("Live-Reason", "published")
	h.Set("Live-Pipeline", s.Pipeline)
	h.Set("Live-Region", s.Region)
	h.Set("Cache-Control", "max-age=1, live-max-age-ms=1740")
	h.Set("Content-Length", strconv.Itoa(len(s.Body)))
	if s.Defects != "" {
		h.Set("Live-Reason", "defective")
		h.Set("Live-Defects", s.Defects)
	}
	if !s.NoDigest {
		sum := binary.BigEndian.AppendUint32(nil, s.Digest)
		h.Set("Repr-Digest", "crc32c=:"+base64.StdEncoding.EncodeToString(sum)+":")
	}
	_, _ = w.Write(s.Body)
}

// Pause sleeps, unless nobody waits for the answer any more.
func Pause(r *http.Request, d time.Duration) {
	select {
	case <-time.After(d):
	case <-r.Context().Done():
	}
}

// Refuse answers with a status, a reason and a lifetime.
func Refuse(w http.ResponseWriter, status int, reason string, lifetime time.Duration) {
	w.Header().Set("Live-Reason", reason)
	w.Header().Set("Cache-Control",
		fmt.Sprintf("max-age=%d, live-max-age-ms=%d", int(lifetime.Seconds()), lifetime.Milliseconds()))
	w.WriteHeader(status)
}

// Digest is a body's CRC32C.
func Digest(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// Fragment is a segment that begins at a decode time: no media, but the boxes around it.
func Fragment(decode uint64, size int) []byte {
	tfdt := binary.BigEndian.AppendUint64([]byte{1, 0, 0, 0}, decode)
	traf := box("traf", box("tfhd", []byte{0, 2, 0, 0, 0, 0, 0, 1}), box("tfdt", tfdt))
	moof := box("moof", box("mfhd", []byte{0, 0, 0, 0, 0, 0, 0, 1}), traf)
	return append(append(box("styp", []byte("cmfs\x00\x00\x00\x00")), moof...), box("mdat", make([]byte, size))...)
}

func box(kind string, payloads ...[]byte) []byte {
	b := append(make([]byte, 4), kind...)
	for _, p := range payloads {
		b = append(b, p...)
	}
	binary.BigEndian.PutUint32(b, uint32(len(b)))
	return b
}
