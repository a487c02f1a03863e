package originhttp

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// maxManifest bounds a source's manifest, in bytes.
const maxManifest = 1 << 20

// mpdNamespace is that of ISO/IEC 23009-1.
const mpdNamespace = "urn:mpeg:dash:schema:mpd:2011"

// takeManifest takes a source's MPD, which DASH-IF's ingest lets it send before its tracks. The event's template says
// all that it could: what is delivered as the event's manifest is made from that, and a source's has no part in it. It
// is looked at only so that a source that sends something else is told so.
func (h *publishing) takeManifest(w http.ResponseWriter, r *http.Request, to admission) {
	if ref := h.readManifest(r, h.until(to)); ref != nil {
		ref.write(w)
		return
	}
	ready(w, "an MPD; this origin makes its own from the event's template\n")
}

func (h *publishing) readManifest(r *http.Request, until time.Time) *refusal {
	ref := checkLength(r, maxManifest)
	if ref == nil && (!isMediaType(r, "application/dash+xml", "application/xml", "text/xml", "application/octet-stream") ||
		r.Header.Get("Content-Encoding") != "") {
		ref = &refusal{status: http.StatusUnsupportedMediaType, text: "a manifest is plain application/dash+xml"}
	}
	if ref != nil {
		ref.close = true
		return ref
	}
	defer h.inFlight.Add(-maxManifest)
	if !h.reserve(maxManifest) {
		return &refusal{status: http.StatusServiceUnavailable, text: "too many bodies at once", close: true}
	}
	body, ref := readBody(r, &timely{r.Body, h.clock, until}, maxManifest)
	if ref != nil {
		return ref
	}
	if err := checkMPD(body); err != nil {
		return bad(err.Error())
	}
	return nil
}

// checkMPD says why bytes are no MPD: well-formed XML, whose root element is one, with a period.
func checkMPD(b []byte) error {
	d := xml.NewDecoder(bytes.NewReader(b))
	depth, root, periods := 0, false, 0
	for {
		token, err := d.Token()
		switch token := token.(type) {
		case xml.StartElement:
			if depth == 0 && (root || token.Name != xml.Name{Space: mpdNamespace, Local: "MPD"}) {
				return fmt.Errorf("no MPD: the root element is %.64q", token.Name.Local)
			}
			if depth == 1 && token.Name.Local == "Period" {
				periods++
			}
			root = true
			depth++
		case xml.EndElement:
			depth--
		}
		switch {
		case err == io.EOF && root && periods > 0:
			return nil
		case err == io.EOF:
			return errors.New("no MPD: there is no period in it")
		case err != nil:
			return fmt.Errorf("no MPD: %.200s", err)
		}
	}
}
