package reports

import (
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/liveorigin/liveorigin/origin"
)

// Objective is one line of a scenario's SLA: an indicator, where it is looked at, and its limit.
type Objective struct {
	Indicator  string  // a name from Indicators
	Percentile float64 // 0 < p <= 100, for percentile indicators
	Phase      string  // empty means the whole event
	Region     string  // of the edges, or of what publishes; empty means all
	After      string  // a fault's id or kind, for indicators of a fault
	Max        Limit
	MinSamples int64 // fewer make the objective inconclusive; at least 1
	// Line is where the scenario states it, for annotations.
	File string
	Line int
}

// Limit is a duration or a count, as the indicator's unit asks.
type Limit struct {
	Duration time.Duration
	Count    int64
}

// Unit is what an indicator's values are in.
type Unit string

// The units.
const (
	Milliseconds Unit = "ms"
	Count        Unit = "count"
)

// Indicator is one line of the table of what can be measured.
type Indicator struct {
	Name       string
	About      string
	Unit       Unit
	Percentile bool // needs p
	OfFault    bool // needs after, and has no phase or region
	Regional   bool // may be asked for one region only
	Watched    bool // is about alerts, so that somebody has to watch

	// points is what was measured; nil for indicators of a fault.
	points func(e *evidence, region string) []point
}

// Indicators is the table of what objectives can be about.
func Indicators() []Indicator {
	return append([]Indicator{
		{Name: "live-edge latency", Unit: Milliseconds, Percentile: true, Regional: true,
			About:  "last byte received minus available(n), also when the request itself was late",
			points: latencies(func(c *cell) *hdrhistogram.PackedHistogram { return c.latency })},
		{Name: "time to first byte", Unit: Milliseconds, Percentile: true, Regional: true,
			About:  "first byte received minus the intended request",
			points: latencies(func(c *cell) *hdrhistogram.PackedHistogram { return c.ttfb })},
		{Name: "publish latency", Unit: Milliseconds, Percentile: true,
			About:  "a candidate's acknowledgement minus the packager's first try",
			points: (*evidence).publishLatencies},
		{Name: "missed segments", Unit: Count, Regional: true, About: "segments that a viewer gave up",
			points: counts(func(t *Tally) int64 { return t.Missed })},
		{Name: "late segments", Unit: Count, Regional: true, About: "segments that took longer than a segment lasts",
			points: counts(func(t *Tally) int64 { return t.Late })},
		{Name: "stalled segments", Unit: Count, Regional: true, About: "segments that came after the player had run dry",
			points: counts(func(t *Tally) int64 { return t.Stalled })},
		{Name: "defective served", Unit: Count, Regional: true, About: "segments that a viewer got with a defect named",
			points: counts(func(t *Tally) int64 { return t.DefectiveServed })},
		{Name: "avoidable defects", Unit: Count, Regional: true,
			About:  "of those, the ones for which a clean candidate was known when an origin chose the defective one",
			points: counts(func(t *Tally) int64 { return t.AvoidableDefects })},
		{Name: "wrong bytes", Unit: Count, Regional: true, About: "segments whose bytes were not the ones published",
			points: (*evidence).wrongBytes},
		{Name: "failed requests", Unit: Count, Regional: true, About: "requests without an answer, or with a 5xx",
			points: counts(func(t *Tally) int64 { return t.FailedRequests })},
		{Name: "unpublished segments", Unit: Count, About: "segments that no pipeline published in time",
			points: (*evidence).unpublished},
		{Name: "acknowledged publishes", Unit: Count, Regional: true,
			About:  "candidates that a region's origins acknowledged; none may be while its store has no quorum",
			points: (*evidence).acknowledgedPublishes},
		{Name: "refused requests", Unit: Count, Regional: true,
			About:  "requests that a region's origins refused because others were more important",
			points: (*evidence).refusedRequests},
		{Name: "refused at the live edge", Unit: Count, Regional: true,
			About:  "of those, the ones for the live edge; its samples are all that were refused",
			points: (*evidence).refusedLiveEdge},
		{Name: "metadata misses", Unit: Count, Regional: true,
			About:  "seconds in which the memory of a region's origins answered less than nine in ten questions about events",
			points: lookups(origin.EventLevel, missed)},
		{Name: "needless segment look-ups", Unit: Count, Regional: true,
			About:  "requests that were refused by an event's template, for which a segment was looked up all the same",
			points: lookups(origin.SegmentLevel, lookedUp)},
		{Name: "recovery time", Unit: Milliseconds, OfFault: true,
			About: "from a fault's end until its target publishes clean and on time and no viewer is hurt"},
	}, slices.Concat(operationIndicators(), alertIndicators())...)
}

// IndicatorByName finds a line of the table.
func IndicatorByName(name string) (Indicator, bool) {
	for _, i := range Indicators() {
		if i.Name == name {
			return i, true
		}
	}
	return Indicator{}, false
}

// Plan is what a judge must know of a run besides its history.
type Plan struct {
	Version    string // of the harness, for the report
	Scenario   string
	About      string
	Seed       uint64
	Command    string // repeats the run
	Event      origin.Event
	Phases     []Phase // in order of time
	Faults     []FaultPlan
	Operations []OperationPlan // in order of time
	Objectives []Objective
	// Viewers is the peak that the audience should reach.
	Viewers int
	// Watched is how often somebody looks at the metrics of all nodes; zero for never.
	Watched time.Duration
	// Stack is what the run stood on; nil for what needs nothing but its own processes.
	Stack *Stack
}

// Phase is a named part of the event's time.
type Phase struct {
	Name        string
	From, Until time.Duration // since the event's start
}

// FaultPlan is a fault as the judge sees it.
type FaultPlan struct {
	ID, Kind, Target string
	From, Until      time.Duration // since the event's start
	// Pipelines are those that the fault can keep from publishing.
	Pipelines []string
	// Felt says whether a record shows the fault at work.
	Felt func(origin.Record) bool
}
