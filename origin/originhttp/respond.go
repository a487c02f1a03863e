package originhttp

import (
	"bytes"
	"net/http"
	"strings"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// maxRanges bounds what one request may ask for; more are ignored, which gives the whole object (RFC 9110, 14.2).
const maxRanges = 8

// errorBodies says in words what Live-Reason says in a token.
var errorBodies = func() map[origin.Reason][]byte {
	m := make(map[origin.Reason][]byte)
	for _, reason := range origin.Reasons() {
		m[reason] = []byte(strings.ReplaceAll(string(reason), "-", " ") + "\n")
	}
	return m
}()

// wholeAnswer says whether a request gets all of an object, as a GET without conditions does.
func wholeAnswer(r *http.Request, resp *origin.Response) bool {
	return resp.OK() && r.Method == http.MethodGet && len(resp.Object.Body) == resp.Object.Size && !conditional(r.Header)
}

// appendHead writes the head of an answer with a whole object as it travels.
func appendHead(b []byte, now time.Time, resp *origin.Response, mediaType string) []byte {
	f := newFields()
	defer f.release()
	describe(f, resp)
	describeObject(f, resp, mediaType)
	f.addInt("Content-Length", resp.Object.Size)
	return f.appendHead(b, http.StatusOK, now)
}

// respond writes an answer. HEAD gets the header that GET would (RFC 9110, 9.3.2).
func respond(w http.ResponseWriter, r *http.Request, resp *origin.Response, mediaType string) {
	if !resp.OK() {
		respondError(w, r, resp)
		return
	}
	body := resp.Object.Body
	if len(body) != resp.Object.Size {
		// An object of a model has no bytes. Its tag and digest must not be told of other bytes.
		http.Error(w, "the object has no bytes", http.StatusInternalServerError)
		return
	}
	f := newFields()
	defer f.release()
	describe(f, resp)
	describeObject(f, resp, mediaType)
	if conditional(r.Header) {
		f.writeTo(w.Header())
		respondPartly(w, r, body)
		return
	}
	f.addInt("Content-Length", len(body))
	f.writeTo(w.Header())
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // who does not want the rest has gone
	}
}

func respondError(w http.ResponseWriter, r *http.Request, resp *origin.Response) {
	f := newFields()
	defer f.release()
	status, body := resp.Reason.Status(), errorBodies[resp.Reason]
	describeRefusal(f, resp, status, len(body))
	f.writeTo(w.Header())
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

// describeRefusal says what a refusal is like, however it is sent.
func describeRefusal(f *fields, resp *origin.Response, status, size int) {
	describe(f, resp)
	f.add("Content-Type", "text/plain; charset=utf-8")
	f.addInt("Content-Length", size)
	if status == http.StatusServiceUnavailable {
		f.addInt("Retry-After", retryAfter(resp.MaxAge))
	}
}

// retryAfter is in whole seconds, rounded up (RFC 9110, 10.2.3), and never asks for an immediate retry.
func retryAfter(d time.Duration) int { return max(1, int((d+time.Second-1)/time.Second)) }

// describe says what is said of every answer.
func describe(f *fields, resp *origin.Response) {
	// A player in a browser comes from another origin, in the browser's sense (Fetch standard, 3.3). There are no
	// credentials here, so everyone may read everything.
	f.add("Access-Control-Allow-Origin", "*")
	f.add("Access-Control-Expose-Headers", "*")
	f.add(fieldReason, string(resp.Reason))
	f.text = appendCacheControl(f.text, resp.MaxAge)
	f.end("Cache-Control")
	before := len(f.text)
	if f.text = appendTiming(f.text, resp.Store, resp.Hold); len(f.text) > before {
		f.end(fieldTiming)
	}
	if resp.Cache.Cache != "" {
		if s := cacheStatus(resp.Cache); s != "" {
			f.add(fieldCache, s)
		}
	}
	describeEvent(f, &resp.Bulletin)
}

// describeObject says which bytes these are, and whose.
func describeObject(f *fields, resp *origin.Response, mediaType string) {
	f.add("Content-Type", mediaType)
	f.add("Accept-Ranges", "bytes")
	f.text = appendETag(f.text, &resp.Object)
	f.end(fieldETag)
	f.text = appendDigest(f.text, resp.Object.Digest)
	f.end(fieldDigest)
	if s := item(resp.Pipeline); s != "" {
		f.add(fieldPipeline, s)
	}
	if s := item(resp.Region); s != "" {
		f.add(fieldRegion, s)
	}
	if resp.ServedBy != "" {
		f.add(fieldServedBy, item(resp.ServedBy))
	}
	if resp.Defects != 0 {
		f.add(fieldDefects, defectList(resp.Defects))
	}
}

// conditional says whether a request may be answered with less than the whole object.
func conditional(h http.Header) bool {
	for _, name := range [...]string{"Range", "If-None-Match", "If-Match", "If-Range"} {
		if _, ok := h[name]; ok {
			return true
		}
	}
	return false // a date is no condition here: there is no Last-Modified
}

// respondPartly leaves conditions and ranges to the standard library. It copies what it sends, at half the speed, which
// is why whole objects do not come this way.
//
// Of ranges, it is shown only what RFC 9110 section 14.2 has us heed: in GET, in bytes, well-formed, and at most
// maxRanges. Others are ignored, which gives the whole object; well-formed ones beyond the end give 416.
func respondPartly(w http.ResponseWriter, r *http.Request, body []byte) {
	if values, ok := r.Header["Range"]; ok && (r.Method == http.MethodHead || !goodRanges(values)) {
		without := *r
		without.Header = r.Header.Clone()
		without.Header.Del("Range")
		r = &without
	}
	http.ServeContent(withdrawing{w}, r, "", time.Time{}, bytes.NewReader(body))
}

// withdrawing takes back what was said of a body and its lifetime when the library answers with a refusal instead.
type withdrawing struct{ http.ResponseWriter }

func (w withdrawing) WriteHeader(status int) {
	switch status {
	case http.StatusRequestedRangeNotSatisfiable, http.StatusPreconditionFailed:
		w.Header().Del(fieldDigest)
		w.Header().Set("Cache-Control", "no-store")
	}
	w.ResponseWriter.WriteHeader(status)
}

// goodRanges checks one Range value against the grammar of RFC 9110, 14.1.2.
func goodRanges(values []string) bool {
	if len(values) != 1 {
		return false
	}
	set, ok := strings.CutPrefix(values[0], "bytes=")
	if !ok || strings.Count(set, ",") >= maxRanges {
		return false
	}
	for spec := range strings.SplitSeq(set, ",") {
		if !goodRange(strings.Trim(spec, " \t")) {
			return false
		}
	}
	return true
}

func goodRange(spec string) bool {
	first, last, ok := strings.Cut(spec, "-")
	if !ok || first == "" && last == "" {
		return false
	}
	for _, pos := range [...]string{first, last} {
		if len(pos) > 18 || strings.Trim(pos, "0123456789") != "" {
			return false
		}
	}
	if first == "" || last == "" {
		return true
	}
	a, b := strings.TrimLeft(first, "0"), strings.TrimLeft(last, "0")
	return len(a) < len(b) || len(a) == len(b) && a <= b
}
