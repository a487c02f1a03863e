package originhttp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/liveorigin/liveorigin/origin"
)

// announcementJSON is an origin.Announcement as nodes send it to each other, in an array.
type announcementJSON struct {
	Event     string               `json:"event"`
	Rendition string               `json:"rendition"`
	Number    origin.SegmentNumber `json:"number"` // -1 is the header
	Pipeline  string               `json:"pipeline"`
	Region    string               `json:"region"`
	Defects   []string             `json:"defects,omitempty"` // tokens, as in Live-Defects
	Digest    uint32               `json:"digest"`            // CRC32C
	Size      int                  `json:"size"`              // bytes
	Away      bool                 `json:"away,omitempty"`    // no copy has come to the region of who is told
}

// marshalAnnouncements never fails: there is nothing in an announcement that JSON cannot say.
func marshalAnnouncements(all []origin.Announcement) []byte {
	out := make([]announcementJSON, len(all))
	for i, a := range all {
		out[i] = announcementJSON{a.Key.Event, a.Key.Rendition, a.Key.Number, a.Key.Pipeline, a.Candidate.Region,
			a.Candidate.Defects.Names(), a.Candidate.Digest, a.Candidate.Size, a.Candidate.Away}
	}
	b, err := json.Marshal(out)
	if err != nil {
		panic(err)
	}
	return b
}

// parseAnnouncements reads an array of announcements, all or nothing. What no node would send is an error.
func parseAnnouncements(body []byte) ([]origin.Announcement, error) {
	in := json.NewDecoder(bytes.NewReader(body))
	in.DisallowUnknownFields()
	var read []announcementJSON
	if err := in.Decode(&read); err != nil {
		return nil, fmt.Errorf("announcements: %w", err)
	}
	if _, err := in.Token(); err != io.EOF {
		return nil, errors.New("announcements: more than one array")
	}
	all := make([]origin.Announcement, len(read))
	for i := range read {
		a, err := read[i].announcement()
		if err != nil {
			return nil, fmt.Errorf("announcement %d: %w", i, err)
		}
		all[i] = a
	}
	return all, nil
}

// announcement checks what can be checked without knowing the event.
func (j *announcementJSON) announcement() (origin.Announcement, error) {
	for _, name := range []string{j.Event, j.Rendition, j.Pipeline, j.Region} {
		if !origin.ValidName(name) {
			return origin.Announcement{}, fmt.Errorf("%.70q is not a name", name)
		}
	}
	if j.Number != origin.Header && (j.Number < 0 || j.Number > maxNumber) {
		return origin.Announcement{}, fmt.Errorf("no segment has number %d", j.Number)
	}
	defects, err := origin.ParseDefects(j.Defects)
	if err != nil {
		return origin.Announcement{}, err
	}
	hole := defects&origin.MissingSegment != 0
	if hole != (j.Size == 0) || hole && j.Number == origin.Header || j.Size < 0 || j.Size > math.MaxInt32 {
		return origin.Announcement{}, fmt.Errorf("%d bytes, found %v", j.Size, defects)
	}
	return origin.Announcement{
		Key: origin.Key{Event: j.Event, Rendition: j.Rendition, Number: j.Number, Pipeline: j.Pipeline},
		Candidate: origin.Candidate{Pipeline: j.Pipeline, Region: j.Region, Defects: defects, Digest: j.Digest, Size: j.Size,
			Away: j.Away},
	}, nil
}
