package originhttp

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// Limits bound what publications may cost.
type Limits struct {
	Body     int64 // bytes of one body; 0 means 16 MiB
	InFlight int64 // bytes announced by all bodies that are being read; 0 means 1 GiB
}

// Publishing takes candidates in by PUT or POST (DASH-IF Live Media Ingest, interface 1, treats both alike), at the
// URLs where Delivery gives them out. Nothing of a request that is refused or cut short reaches the publisher.
//
// What the catalog already rules out, an unknown event or a pipeline that it does not have, is refused before the body.
func Publishing(p origin.Publisher, c Catalog, l Limits) http.Handler {
	if l.Body <= 0 {
		l.Body = 16 << 20
	}
	if l.InFlight <= 0 {
		l.InFlight = 1 << 30
	}
	return &publishing{publisher: p, catalog: c, limits: l}
}

type publishing struct {
	publisher origin.Publisher
	catalog   Catalog
	limits    Limits
	inFlight  atomic.Int64 // bytes
}

func (h *publishing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPut && r.Method != http.MethodPost {
		refuseMethod(w, r, "PUT, POST")
		return
	}
	p, ref := h.receive(r)
	if ref != nil {
		ref.write(w)
		return
	}
	receipt, err := h.publisher.Publish(r.Context(), p)
	switch {
	case errors.Is(err, origin.ErrUnreachable):
		panic(http.ErrAbortHandler) // as a dead machine would
	case err != nil:
		receipt = origin.Receipt{Outcome: origin.Unavailable, Detail: err.Error()}
	}
	acknowledge(w, receipt)
}

// receive reads a publication, or says why not.
func (h *publishing) receive(r *http.Request) (p origin.Publication, ref *refusal) {
	p, ref = readPublication(r)
	if ref == nil {
		ref = h.place(p.Key)
	}
	if ref == nil {
		ref = checkFraming(r, h.limits.Body)
	}
	if ref != nil {
		ref.close = true // the body stays unread
		return p, ref
	}
	want, err := reprDigests(r.Header[fieldDigest])
	if err != nil {
		return p, &refusal{status: http.StatusBadRequest, text: fieldDigest + ": " + err.Error(), close: true}
	}
	reserve := r.ContentLength
	if reserve < 0 {
		reserve = h.limits.Body
	}
	defer h.inFlight.Add(-reserve)
	if h.inFlight.Add(reserve) > h.limits.InFlight {
		return p, &refusal{outcome: origin.Unavailable, text: "too many bodies at once", close: true}
	}
	body, ref := readBody(r, h.limits.Body)
	if ref != nil {
		return p, ref
	}
	p.Object = origin.Object{Body: body, Size: len(body), Digest: origin.Checksum(body)}
	return p, checkBody(&p, want)
}

// place refuses what the catalog rules out.
func (h *publishing) place(key origin.Key) *refusal {
	ev, ok := h.catalog.Event(key.Event)
	if !ok {
		return &refusal{outcome: origin.NoSuchPlace, text: "no such event"}
	}
	if _, ok := ev.Rendition(key.Rendition); !ok {
		return &refusal{outcome: origin.NoSuchPlace, text: "no such rendition"}
	}
	if _, ok := ev.RegionOf(key.Pipeline); !ok {
		return &refusal{outcome: origin.Forbidden, text: "the event has no such pipeline"}
	}
	return nil
}

// readPublication reads all that is known before the body.
func readPublication(r *http.Request) (p origin.Publication, ref *refusal) {
	bad := func(text string) *refusal { return &refusal{status: http.StatusBadRequest, text: text} }
	path, err := requestPath(r)
	if err != nil {
		return p, bad(err.Error())
	}
	if path.File != SegmentFile && path.File != HeaderFile {
		return p, &refusal{status: http.StatusForbidden, text: "manifests and playlists are not published here"}
	}
	req := path.Request()
	p.Key = origin.Key{Event: req.Event, Rendition: req.Rendition, Number: req.Number}
	p.Key.Pipeline, err = parseItem(r.Header[fieldPipeline])
	if err != nil || !origin.ValidName(p.Key.Pipeline) {
		return p, bad(fieldPipeline + " must name the pipeline")
	}
	values, inspected := r.Header[fieldDefects]
	tokens, err := parseTokens(values)
	if err == nil {
		p.Defects, err = origin.ParseDefects(tokens)
	}
	if err != nil {
		return p, bad(fieldDefects + ": " + err.Error())
	}
	p.Inspected = inspected
	return p, nil
}

// checkFraming refuses bodies by what is said about them.
func checkFraming(r *http.Request, limit int64) *refusal {
	_, announced := r.Header["Content-Length"]
	chunked := slices.Contains(r.TransferEncoding, "chunked")
	switch {
	case !announced && !chunked: // RFC 9110, 15.5.12; net/http takes it for an empty body
		return &refusal{status: http.StatusLengthRequired, text: "say how long the body is, or send it in chunks"}
	case r.ContentLength > limit: // RFC 9110, 15.5.14
		return tooLarge(limit)
	case !goodMediaType(r.Header.Get("Content-Type")), r.Header.Get("Content-Encoding") != "": // RFC 9110, 15.5.16
		return &refusal{status: http.StatusUnsupportedMediaType, text: "segments are plain video/mp4 or audio/mp4"}
	case r.Header.Get("Content-Range") != "": // RFC 9110, 14.5
		return &refusal{status: http.StatusBadRequest, text: "segments are published whole"}
	}
	return nil
}

func tooLarge(limit int64) *refusal {
	return &refusal{
		status: http.StatusRequestEntityTooLarge, close: true,
		text: "a body has at most " + strconv.FormatInt(limit, 10) + " bytes",
	}
}

func goodMediaType(s string) bool {
	media, _, _ := strings.Cut(s, ";")
	switch strings.ToLower(strings.TrimSpace(media)) {
	case "", "video/mp4", "audio/mp4", "application/mp4", "application/octet-stream":
		return true
	}
	return false
}

// checkBody compares the body with what was said of it. An empty one is a declared hole, and has to say so: a packager
// that crashed after the header must not be taken for one that has nothing to send.
func checkBody(p *origin.Publication, want map[string][]byte) *refusal {
	if hole := p.Defects&origin.MissingSegment != 0; hole != (p.Object.Size == 0) {
		return &refusal{
			status: http.StatusBadRequest,
			text:   fieldDefects + ": missing-segment goes with an empty body, and an empty body with missing-segment",
		}
	}
	if sum, ok := want["crc32c"]; ok {
		if got, ok := crc32cOf(want); !ok || got != p.Object.Digest {
			text := fmt.Sprintf("crc32c is %08x, not %x", p.Object.Digest, sum)
			return &refusal{outcome: origin.BadDigest, text: text}
		}
	}
	if sum, ok := want["sha-256"]; ok {
		if got := sha256.Sum256(p.Object.Body); !slices.Equal(sum, got[:]) {
			text := fmt.Sprintf("sha-256 is %x, not %x", got, sum)
			return &refusal{outcome: origin.BadDigest, text: text}
		}
	}
	return nil
}

// refusal is why a publication does not get to the publisher: an outcome, or a status where there is none that says it.
type refusal struct {
	status  int
	outcome origin.Outcome
	text    string
	close   bool // the body, or the rest of it, is not read
}

func (ref *refusal) write(w http.ResponseWriter) {
	if ref.close {
		w.Header().Set("Connection", "close")
	}
	if ref.outcome != "" {
		acknowledge(w, origin.Receipt{Outcome: ref.outcome, Detail: ref.text})
		return
	}
	http.Error(w, ref.text, ref.status)
}

// receiptJSON is the body of every answer that has an outcome.
type receiptJSON struct {
	Outcome origin.Outcome `json:"outcome"`
	Defects []string       `json:"defects,omitempty"`
	Detail  string         `json:"detail,omitempty"`
}

func acknowledge(w http.ResponseWriter, receipt origin.Receipt) {
	body, err := json.Marshal(receiptJSON{receipt.Outcome, receipt.Defects.Names(), receipt.Detail})
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
