package scenarios

import (
	"slices"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/control"
)

// Operation is something that operators do to the event while it is on.
type Operation struct {
	Name string // what later operations and the report call it
	Do   string // one of Deeds
	At   time.Duration
	// Pipeline and Region are what it is about; no region means all.
	Pipeline, Region string
	// From and To are the time of the event whose segments it is about: all that show anything of it.
	From, To time.Duration
	Text     string // of a notice
	Of       string // the operation that is taken back
	Time     time.Duration
}

// What operators can do.
const (
	Mask       = "mask"
	Unmask     = "unmask"
	Invalidate = "invalidate"
	Notify     = "notice"
	Withdraw   = "withdraw"
	Redirect   = "redirect"
	Restore    = "restore"
	NewCache   = "cache-version"
	MoveStart  = "start"
	GoOnAir    = "on-air"
	EndEvent   = "end"
	Remove     = "remove"
)

// Deed is one line of the table of what operators can do: the keys that it needs, and those that it takes besides.
type Deed struct {
	Name, About   string
	needs, allows []string
}

// Deeds is that table.
func Deeds() []Deed {
	return []Deed{
		{Mask, "no region, or one, serves a range of a pipeline's segments any more", []string{"pipeline", "from", "to"}, []string{"region"}},
		{Unmask, "a mask is lifted", []string{"of"}, nil},
		{Invalidate, "caches take a range of a pipeline's segments for expired", []string{"pipeline", "from", "to"}, []string{"region"}},
		{Notify, "viewers' devices are told something with every answer", []string{"text"}, nil},
		{Withdraw, "a notice is taken back", []string{"of"}, nil},
		{Redirect, "a pipeline is preferred to all others, in all regions", []string{"pipeline"}, nil},
		{Restore, "pipelines are preferred in the usual order again", nil, nil},
		{NewCache, "nothing that is cached can be reached any more", nil, nil},
		{MoveStart, "the event starts at another time than was announced; the last one brings it to 0s", []string{"time"}, nil},
		{GoOnAir, "the programme begins at another time", []string{"time"}, nil},
		{EndEvent, "the event ends early, with the segment that is being made then", nil, []string{"time"}},
		{Remove, "the event is taken away, with all that could still be asked for", nil, nil},
	}
}

func deedNames() (names []string) {
	for _, d := range Deeds() {
		names = append(names, d.Name)
	}
	return names
}

// Operations are what operators do, in order of time.
func (s *Scenario) Operations() []Operation { return slices.Clone(s.operations) }

// Range is the numbers of the segments that an operation is about.
func (s *Scenario) Range(o Operation) (from, to origin.SegmentNumber) {
	from = s.StartNumber + origin.SegmentNumber(o.From/s.Segment)
	return from, s.StartNumber + origin.SegmentNumber((o.To+s.Segment-1)/s.Segment) - 1
}

// End is when the event ends, which operators may have end early.
func (s *Scenario) End() time.Duration {
	end := s.Duration
	for _, o := range s.operations {
		if o.Do == EndEvent {
			end = s.endOf(o)
		}
	}
	return end
}

// endOf is the end of the segment that is being made at the time that an operation lets the event end.
func (s *Scenario) endOf(o Operation) time.Duration {
	return min(s.Duration, (o.Time+s.Segment-1)/s.Segment*s.Segment)
}

// Announced is the event as it is at first: operators may have moved its start by the time it comes.
func (s *Scenario) Announced(e origin.Event) origin.Event {
	e.AvailabilityStartTime = e.AvailabilityStartTime.Add(s.Planned)
	return e
}

// Before is how long before the event's start operators begin to do something.
func (s *Scenario) Before() time.Duration {
	var first time.Duration
	for _, o := range s.operations {
		first = min(first, o.At)
	}
	return -first
}

// Change is what an operation asks of the control plane, for an event that starts at start.
func (s *Scenario) Change(o Operation, start time.Time) control.Operation {
	return control.Operation{ID: o.Name, Event: eventID(s.Name), Do: s.change(o, start)}
}

func (s *Scenario) change(o Operation, start time.Time) control.Change {
	from, to := s.Range(o)
	switch o.Do {
	case Mask:
		return control.Mask{Mask: origin.Mask{ID: o.Name, Pipeline: o.Pipeline, Region: o.Region, From: from, To: to}}
	case Unmask:
		return control.Unmask{ID: o.Of}
	case Invalidate:
		return control.Invalidate{Invalidation: origin.Invalidation{ID: o.Name, Pipeline: o.Pipeline, Region: o.Region, From: from, To: to}}
	case Notify:
		return control.Notify{Notice: origin.Notice{ID: o.Name, At: start.Add(o.At), Text: o.Text}}
	case Withdraw:
		return control.Withdraw{ID: o.Of}
	case Redirect, Restore:
		return control.Redirect{Pipeline: o.Pipeline}
	case NewCache:
		return control.BumpCacheVersion{}
	case MoveStart:
		return control.Start{At: start.Add(o.Time)}
	case GoOnAir:
		return control.OnAir{At: start.Add(o.Time)}
	case EndEvent:
		return control.End{At: start.Add(s.endOf(o))}
	}
	return control.Remove{}
}

// Available is when a segment's last frame is captured.
func (s *Scenario) Available(n origin.SegmentNumber) time.Duration {
	return time.Duration(n-s.StartNumber+1) * s.Segment
}

// settling is how long after a redirection segments may still come from the pipeline that was preferred before: until all
// know of it, and the segment is over that was being made.
const settling = 4 * time.Second

// Concerns says whether it matters, once an operation is known, what is answered for a segment.
func (s *Scenario) Concerns(o Operation, n origin.SegmentNumber) bool {
	from, to := s.Range(o)
	starts := time.Duration(n-s.StartNumber) * s.Segment
	switch {
	case n == origin.Header:
		return false
	case o.Do == Mask || o.Do == Invalidate:
		return from <= n && n <= to
	case o.Do == NewCache:
		return slices.ContainsFunc(s.PipelineNames(), func(p string) bool { return s.Masked(o.At, p, n) })
	case o.Do == Redirect:
		return starts >= o.At+settling
	case o.Do == EndEvent:
		return starts >= s.endOf(o)
	}
	return true // any answer says what the event has become
}

// Masked says whether a pipeline's segment is masked in all regions at a time.
func (s *Scenario) Masked(at time.Duration, pipeline string, n origin.SegmentNumber) bool {
	return slices.ContainsFunc(s.operations, func(m Operation) bool {
		return m.Do == Mask && m.Region == "" && m.Pipeline == pipeline && m.At <= at && at < s.Until(m) && s.Concerns(m, n)
	})
}

// Until is when an operation is taken back, or lost its meaning; at the latest when nothing can be asked for any more.
func (s *Scenario) Until(o Operation) time.Duration {
	for _, later := range s.operations {
		switch {
		case later.At < o.At || later.Name == o.Name:
		case takesBack[later.Do] == o.Do && later.Of == o.Name,
			(o.Do == Invalidate || o.Do == NewCache) && later.Do == Unmask, // then the pipeline's may be fetched again
			o.Do == Redirect && (later.Do == Redirect || later.Do == Restore),
			o.Do == MoveStart && later.Do == MoveStart,
			o.Do == EndEvent && later.Do == EndEvent:
			return later.At
		}
	}
	return s.Duration + s.TimeShiftBuffer
}

// takesBack says of which kind the operation is that another one takes back.
var takesBack = map[string]string{Unmask: Mask, Withdraw: Notify}
