package origin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// stateJSON is a State as it is kept, and as nodes tell it to each other.
type stateJSON struct {
	Event         eventJSON      `json:"event"`
	Version       int64          `json:"version"`
	OnAir         *time.Time     `json:"on_air,omitempty"`
	Removed       bool           `json:"removed,omitempty"`
	CacheVersion  int64          `json:"cache_version"`
	Redirect      string         `json:"redirect,omitempty"`
	Masks         []Mask         `json:"masks,omitempty"`
	Invalidations []Invalidation `json:"invalidations,omitempty"`
	Notices       []Notice       `json:"notices,omitempty"`
	Operations    []Operation    `json:"operations,omitempty"`
}

// MarshalJSON writes times as RFC 3339 has them and durations in whole milliseconds, as in the event's configuration.
func (s State) MarshalJSON() ([]byte, error) {
	j := stateJSON{
		Event: s.Event.json(), Version: s.Version, Removed: s.Removed, CacheVersion: s.CacheVersion, Redirect: s.Redirect,
		Masks: s.Masks, Invalidations: s.Invalidations, Notices: s.Notices, Operations: s.Operations,
	}
	if !s.OnAir.IsZero() {
		at := s.OnAir.UTC()
		j.OnAir = &at
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON wrote, and refuses a state that Validate does. Members that it does not know are
// an error, too: a node that overlooked a new kind of mask would serve what it keeps back. So nodes are upgraded first.
func (s *State) UnmarshalJSON(b []byte) error {
	var j stateJSON
	in := json.NewDecoder(bytes.NewReader(b))
	in.DisallowUnknownFields()
	if err := in.Decode(&j); err != nil {
		return fmt.Errorf("read state: %w", err)
	}
	if _, err := in.Token(); err != io.EOF {
		return fmt.Errorf("read state: more than one document")
	}
	*s = State{
		Event: j.Event.event(), Version: j.Version, Removed: j.Removed, CacheVersion: j.CacheVersion, Redirect: j.Redirect,
		Masks: j.Masks, Invalidations: j.Invalidations, Notices: j.Notices, Operations: j.Operations,
	}
	if j.OnAir != nil {
		s.OnAir = *j.OnAir
	}
	return s.Validate()
}
