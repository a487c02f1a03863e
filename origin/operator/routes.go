package operator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/control"
)

// route is one thing that can be asked for.
type route struct {
	method, path string
	// show picks what is looked at; nil where something is changed.
	show func(*Shown) any
	// read makes the change of the id in the path and a body.
	read     func(id string, body []byte) (control.Change, error)
	needsKey bool
}

// routes is the whole API, but for /openapi.yaml; the document says what each is for.
var routes = []route{
	{method: "GET", path: "/events", show: whole},
	{method: "GET", path: "/events/{event}", show: whole},
	{method: "PUT", path: "/events/{event}", read: create},
	{method: "DELETE", path: "/events/{event}", read: bare(control.Remove{})},
	{method: "PUT", path: "/events/{event}/start", read: at(func(t time.Time) control.Change { return control.Start{At: t} }, true)},
	{method: "PUT", path: "/events/{event}/on-air", read: at(func(t time.Time) control.Change { return control.OnAir{At: t} }, false)},
	{method: "PUT", path: "/events/{event}/end", read: at(func(t time.Time) control.Change { return control.End{At: t} }, false)},
	{method: "PUT", path: "/events/{event}/time-shift-buffer", read: timeShiftBuffer},
	{method: "PUT", path: "/events/{event}/redirect", read: redirect},
	{method: "DELETE", path: "/events/{event}/redirect", read: bare(control.Redirect{})},
	{method: "POST", path: "/events/{event}/cache-version", read: bare(control.BumpCacheVersion{}), needsKey: true},
	{method: "GET", path: "/events/{event}/masks", show: func(s *Shown) any { return listed(s.State.Masks) }},
	{method: "PUT", path: "/events/{event}/masks/{id}", read: mask},
	{method: "DELETE", path: "/events/{event}/masks/{id}", read: named(func(id string) control.Change { return control.Unmask{ID: id} })},
	{method: "GET", path: "/events/{event}/notices", show: func(s *Shown) any { return listed(s.State.Notices) }},
	{method: "PUT", path: "/events/{event}/notices/{id}", read: notice},
	{method: "DELETE", path: "/events/{event}/notices/{id}", read: named(func(id string) control.Change { return control.Withdraw{ID: id} })},
	{method: "GET", path: "/events/{event}/invalidations", show: func(s *Shown) any { return listed(s.State.Invalidations) }},
	{method: "PUT", path: "/events/{event}/invalidations/{id}", read: invalidation},
}

func whole(s *Shown) any { return s }

// listed is a list in JSON, be it empty.
func listed[T any](all []T) any {
	if all == nil {
		return []T{}
	}
	return all
}

// The bodies of requests.
type (
	// createBody is PUT /events/{event}'s; the configuration is as the origin tells it at /{event}/config.
	createBody struct {
		Event json.RawMessage `json:"event"`
		OnAir time.Time       `json:"on_air,omitzero"`
	}
	atBody struct {
		At time.Time `json:"at,omitzero"`
	}
	bufferBody struct {
		Ms int64 `json:"time_shift_buffer_ms"`
	}
	redirectBody struct {
		Pipeline string `json:"pipeline"`
	}
	rangeBody struct {
		Pipeline string                `json:"pipeline"`
		Region   string                `json:"region,omitempty"`
		From     *origin.SegmentNumber `json:"from"`
		To       *origin.SegmentNumber `json:"to"`
	}
	noticeBody struct {
		At   time.Time `json:"at,omitzero"`
		Text string    `json:"text"`
	}
)

func create(_ string, body []byte) (control.Change, error) {
	var b createBody
	if err := decode(body, &b); err != nil {
		return nil, err
	}
	// Unknown members of a state are errors, and so are those of its event.
	first, err := json.Marshal(map[string]any{"event": b.Event, "version": 1})
	if err != nil {
		return nil, err
	}
	var s origin.State
	if err := json.Unmarshal(first, &s); err != nil {
		return nil, err
	}
	return control.Create{Event: s.Event, OnAir: b.OnAir}, nil
}

// at reads an instant; without needed it may be left out.
func at(change func(time.Time) control.Change, needed bool) func(string, []byte) (control.Change, error) {
	return func(_ string, body []byte) (control.Change, error) {
		var b atBody
		if len(body) > 0 || needed {
			if err := decode(body, &b); err != nil {
				return nil, err
			}
		}
		if needed && b.At.IsZero() {
			return nil, errors.New(`"at" is missing`)
		}
		return change(b.At), nil
	}
}

func timeShiftBuffer(_ string, body []byte) (control.Change, error) {
	var b bufferBody
	err := decode(body, &b)
	const most = int64(24 * time.Hour / time.Millisecond) // an origin.Event's, too
	if err == nil && (b.Ms < 0 || b.Ms > most) {
		err = fmt.Errorf("time_shift_buffer_ms %d: at most %d", b.Ms, most)
	}
	return control.TimeShiftBuffer{Depth: time.Duration(b.Ms) * time.Millisecond}, err
}

func redirect(_ string, body []byte) (control.Change, error) {
	var b redirectBody
	err := decode(body, &b)
	if err == nil && b.Pipeline == "" {
		err = errors.New(`"pipeline" is missing; DELETE brings the usual order back`)
	}
	return control.Redirect{Pipeline: b.Pipeline}, err
}

func mask(id string, body []byte) (control.Change, error) {
	b, err := readRange(body)
	if err != nil {
		return nil, err
	}
	return control.Mask{Mask: origin.Mask{ID: id, Pipeline: b.Pipeline, Region: b.Region, From: *b.From, To: *b.To}}, nil
}

func invalidation(id string, body []byte) (control.Change, error) {
	b, err := readRange(body)
	if err != nil {
		return nil, err
	}
	return control.Invalidate{Invalidation: origin.Invalidation{ID: id, Pipeline: b.Pipeline, Region: b.Region, From: *b.From, To: *b.To}}, nil
}

// readRange wants both ends: one that was forgotten must not be taken for segment 0.
func readRange(body []byte) (b rangeBody, err error) {
	if err := decode(body, &b); err != nil {
		return b, err
	}
	if b.Pipeline == "" || b.From == nil || b.To == nil {
		return b, errors.New(`a range has "pipeline", "from" and "to"`)
	}
	return b, nil
}

func notice(id string, body []byte) (control.Change, error) {
	var b noticeBody
	err := decode(body, &b)
	return control.Notify{Notice: origin.Notice{ID: id, At: b.At, Text: b.Text}}, err
}

// bare is a change that the path says everything of.
func bare(c control.Change) func(string, []byte) (control.Change, error) {
	return named(func(string) control.Change { return c })
}

// named is one that the path says everything of, with its ID.
func named(change func(id string) control.Change) func(string, []byte) (control.Change, error) {
	return func(id string, body []byte) (control.Change, error) {
		if len(body) > 0 {
			return nil, errors.New("this has no body")
		}
		return change(id), nil
	}
}

// decode reads one JSON value, and nothing that it does not know.
func decode(body []byte, into any) error {
	in := json.NewDecoder(bytes.NewReader(body))
	in.DisallowUnknownFields()
	if err := in.Decode(into); err != nil {
		return fmt.Errorf("body: %w", err)
	}
	if _, err := in.Token(); err != io.EOF {
		return errors.New("body: more than one value")
	}
	return nil
}
