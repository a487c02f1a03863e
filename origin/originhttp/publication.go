package originhttp

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// receive reads a publication of one object, or says why not.
func (h *publishing) receive(r *http.Request, to admission) (p origin.Publication, ref *refusal) {
	p = origin.Publication{Key: to.key(to.number)}
	want, ref := h.readFields(r, &p)
	if ref == nil {
		ref = checkFraming(r, h.options.Body)
	}
	if ref != nil {
		ref.close = true // the body stays unread
		return p, ref
	}
	reserve := r.ContentLength
	if reserve < 0 {
		reserve = h.options.Body
	}
	defer h.inFlight.Add(-reserve)
	if !h.reserve(reserve) {
		return p, &refusal{outcome: origin.Unavailable, text: "too many bodies at once", close: true}
	}
	body, ref := readBody(r, &timely{r.Body, h.clock, h.until(to)}, h.options.Body)
	if ref != nil {
		return p, ref
	}
	p.Object.Body, p.Object.Size, p.Object.Digest = body, len(body), origin.Checksum(body)
	return p, checkBody(&p, want)
}

// until is when a body has to be there: a segment's within the retry deadline, after which nobody would have it, and anything
// else's within the retry budget. A segment may come as it is encoded, and so take its whole duration.
func (h *publishing) until(to admission) time.Time {
	now := h.clock.Now()
	until := now.Add(to.event.RetryBudget)
	if to.what != anObject || to.number == origin.Header || to.number != to.event.SegmentAt(now) {
		return until
	}
	return to.event.RetryDeadline(to.number)
}

// reserve counts bytes that are going to be read, and says whether there is room for them. They are counted in any case.
func (h *publishing) reserve(n int64) bool { return h.inFlight.Add(n) <= h.options.InFlight }

// readFields reads all that a header says of one object: findings, token and digests.
func (h *publishing) readFields(r *http.Request, p *origin.Publication) (want []digests, ref *refusal) {
	values, inspected := r.Header[fieldDefects]
	tokens, err := parseTokens(values)
	if err == nil {
		p.Defects, err = origin.ParseDefects(tokens)
	}
	if err != nil {
		return nil, bad(fieldDefects + ": " + err.Error())
	}
	p.Inspected = inspected
	if values, ok := r.Header[fieldToken]; ok {
		if p.Object.Token, err = parseToken(values); err == nil {
			err = checkDrift(p.Object.Token, h.clock.Now(), h.options.Drift)
		}
		if err != nil {
			return nil, bad(fieldToken + ": " + err.Error())
		}
	}
	if _, ok := r.Header["If-Match"]; ok { // RFC 9110, 13.1.1
		return nil, preconditionFailed("candidates are never replaced")
	}
	for _, field := range []string{fieldDigest, fieldContentDigest} {
		sums, err := reprDigests(r.Header[field])
		if err != nil {
			return nil, bad(field + ": " + err.Error())
		}
		want = append(want, sums)
	}
	return want, nil
}

// digests are byte sequences by algorithm, as reprDigests reads them.
type digests = map[string][]byte

// fieldContentDigest is RFC 9530's digest of the content. Nothing here is partial or coded, so that it means the same as
// Repr-Digest.
const fieldContentDigest = "Content-Digest"

// checkFraming refuses bodies by what is said about them.
func checkFraming(r *http.Request, limit int64) *refusal {
	if ref := checkLength(r, limit); ref != nil {
		return ref
	}
	return checkMedia(r)
}

// checkLength wants a length, or chunks: net/http takes neither for an empty body (RFC 9110, 15.5.12 and 15.5.14).
func checkLength(r *http.Request, limit int64) *refusal {
	_, announced := r.Header["Content-Length"]
	switch chunked := slices.Contains(r.TransferEncoding, "chunked"); {
	case !announced && !chunked && r.ProtoMajor < 2: // later versions frame every body
		return &refusal{status: http.StatusLengthRequired, text: "say how long the body is, or send it in chunks"}
	case r.ContentLength > limit:
		return tooLarge(limit)
	}
	return nil
}

// checkMedia wants CMAF as it is (RFC 9110, 15.5.16 and 14.5).
func checkMedia(r *http.Request) *refusal {
	switch {
	case !isMediaType(r, "video/mp4", "audio/mp4", "application/mp4", "video/iso.segment", "application/octet-stream"),
		r.Header.Get("Content-Encoding") != "":
		return &refusal{status: http.StatusUnsupportedMediaType, text: "segments are plain video/mp4, audio/mp4 or application/mp4"}
	case r.Header.Get("Content-Range") != "":
		return bad("segments are published whole")
	}
	return nil
}

// isMediaType says whether a body is of one of these types; one that is not said is.
func isMediaType(r *http.Request, types ...string) bool {
	media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	media = strings.ToLower(strings.TrimSpace(media))
	return media == "" || slices.Contains(types, media)
}

// checkBody compares the body with what was said of it. An empty one is a declared hole, and has to say so: a packager
// that crashed after the header must not be taken for one that has nothing to send.
func checkBody(p *origin.Publication, want []digests) *refusal {
	if hole := p.Defects&origin.MissingSegment != 0; hole != (p.Object.Size == 0) {
		return bad(fieldDefects + ": missing-segment goes with an empty body, and an empty body with missing-segment")
	}
	for _, sums := range want {
		if sum, ok := sums["crc32c"]; ok {
			if got, ok := crc32cOf(sums); !ok || got != p.Object.Digest {
				text := fmt.Sprintf("crc32c is %08x, not %x", p.Object.Digest, sum)
				return &refusal{outcome: origin.BadDigest, text: text}
			}
		}
		if sum, ok := sums["sha-256"]; ok {
			if got := sha256.Sum256(p.Object.Body); !slices.Equal(sum, got[:]) {
				text := fmt.Sprintf("sha-256 is %x, not %x", got, sum)
				return &refusal{outcome: origin.BadDigest, text: text}
			}
		}
	}
	return nil
}
