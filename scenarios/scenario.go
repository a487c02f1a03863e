// Package scenarios holds runs with a name: one YAML file each.
//
// A scenario says what event is produced, by which regions, who watches, what breaks when, and which objectives must
// hold meanwhile. Reading one is strict and tells everything that is wrong with it at once (Problems), because a
// mistyped objective that is silently ignored would be a gate that never closes. The keys, what they mean and their
// defaults stand once, in keys.go, faults.go and objectives.go; the JSON schema for editors is made from the same
// tables.
package scenarios

import (
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/liveorigin/liveorigin/faults"
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/reports"
)

// Scenario is one run, as a file describes it. Times count from the event's start.
type Scenario struct {
	Name  string // the file's, without folder and ending
	File  string // for messages and annotations
	About string
	Seed  uint64

	Duration         time.Duration
	Planned          time.Duration // when it was announced to start
	Segment          time.Duration
	TimeShiftBuffer  time.Duration
	PublishDelay     time.Duration
	RetryBudget      time.Duration
	Patience         time.Duration
	StartNumber      origin.SegmentNumber
	Ladder           []string // the renditions' ids, or the one name of a ladder
	Renditions       []origin.Rendition
	Regions          []Region // in the order of the file: candidates are chosen by it
	Storage          Storage
	Origin           Origin
	Machines         Machines
	Admission        Admission
	Monitoring       Monitoring
	Network          Network
	Delivery         Delivery
	Audience         Audience
	Source           []byte // the file as it was read, before overrides
	AppliedOverrides []Override
	// CurveFile is the name that the scenario has for the file of Audience.Curve, and CurveSource what was in it: what is
	// kept with Source reads the same scenario again.
	CurveFile   string
	CurveSource []byte
	// ProfileFile and ProfileSource are the same for a storage.profile that is a file; empty for one that has a name.
	ProfileFile   string
	ProfileSource []byte
	Scaled        Scaling

	open       Opener
	reader     *reader // knows where everything stood
	phases     []reports.Phase
	faults     []faults.Spec
	operations []Operation
	objectives []reports.Objective
}

// Region is one region's machines.
type Region struct {
	Name      string
	Pipelines []string
	Origins   int
	Zones     int
}

// Storage is what a region's store is made of: a profile of sim/storage, with the body of its latency, the lag between
// regions, and the cache in front of it.
type Storage struct {
	Profile string // Embedded, Cassandra or ObjectStore
	// Write and Read are the body of one replica's latency; zero means the profile's own, which Embedded has not.
	Write, Read    Latency
	ReplicationLag time.Duration
	// Cache is the profile of a write-through cache in front of the store; empty for none.
	Cache string
	Chunk int // bytes that larger segments are cut into
	// Recent is how many of the newest segments of each rendition an origin keeps in its memory.
	Recent int
}

// Machines says what origin nodes run on.
type Machines struct {
	Profile string // of sim/resources
	Shared  bool   // by publishing and delivery, which have machines of their own otherwise
}

// Admission says whom origin nodes refuse under stress.
type Admission struct {
	Policy    string        // of origin/admission/policies
	Slow      time.Duration // longer reads of the store are
	SlowShare float64       // of reads, 0 to 1, above which there is stress
	Reads     int           // at once
	Egress    int64         // bit/s; zero: no limit
}

// Network says what lies between the parts: the name of a profile of sim/resources.
type Network struct{ Profile string }

// Delivery is the delivery network between the origins and the viewers, in virtual time. Without one (no sites), every
// region has Audience.Edges edges that ask origins themselves, as on the wall clock.
type Delivery struct {
	Sites   int // locations with edge servers
	Servers int // edge servers in all of them; each rendition has one designated filler at a site
	TopTier int // caches that fillers ask, and that alone ask origins, in all regions together
	Groups  int // groups of sites that are alike, in all regions together: one of each is simulated
	// Backbone is the bandwidth between one region's origins and the top tier, in bit/s. It does not scale.
	Backbone int64
}

// Latency is a distribution by two of its percentiles.
type Latency struct{ P50, P99 time.Duration }

// Audience is who watches, and how.
type Audience struct {
	Edges   int // in every region; none where there is a delivery network
	Viewers Viewers
	// Ladder says which video a viewer plays: "spread" over all, "lowest", "highest", or a rendition's id.
	Ladder string
	// Buffer is how much media a player holds before it runs dry.
	Buffer time.Duration
	// DVRShare is the part of the viewers, 0 to 1, that watches behind the live edge.
	DVRShare float64
	// Scrub is when every DVR viewer jumps about; zero when nobody does.
	Scrub Scrub
	// CheckEvery says that one segment in so many is checked byte for byte.
	CheckEvery int

	// What follows is for virtual time only.

	// Curve is how many viewers there are at which time, in order of time; it replaces Viewers.
	Curve []CurvePoint
	// Adaptive viewers play what their access link carries, and change when it changes; Ladder says nothing then.
	Adaptive bool
	// Rewinds is the part of the viewers at the live edge that goes back into the time-shift buffer, each minute.
	Rewinds float64
	// IgnoreLifetimes says that viewers retry without regard for how long a refusal holds.
	IgnoreLifetimes bool
	// Refresh says that viewers do not know the template: a new segment is one that a manifest, read again, has.
	Refresh bool
	// Restarts is what viewers do who were interrupted; zero when they wait patiently.
	Restarts Restarts
}

// CurvePoint is the size of the audience at a time. Nobody is there before the first point, between two the audience
// changes evenly, and after the last it stays.
type CurvePoint struct {
	At      time.Duration
	Viewers int
}

// Restarts are viewers that start their player again after an interruption: each start asks for far more than a player
// that plays (Netflix, "Behind the Streams" part 1: ten times the traffic after 30 s).
type Restarts struct {
	After  time.Duration // of an interruption
	Within time.Duration // the restarts of those interrupted together spread over so long; zero for all at once
	Surge  int           // requests of a start, as a multiple of what a playing viewer asks in one segment
}

// Viewers is the size of the audience: Start at first, then evenly up to Peak within Ramp, and evenly down to none
// within Leave before the event's end.
type Viewers struct {
	Start int
	Ramp  time.Duration
	Peak  int
	Leave time.Duration // virtual time only
}

// Scrub is a window of the event.
type Scrub struct{ At, For time.Duration }

// Parse reads a scenario that refers to no other files; file is what it is called in messages. What is wrong comes as
// *Problems, all of it.
func Parse(file string, src []byte, overrides ...Override) (*Scenario, error) {
	return ParseWith(nil, file, src, overrides...)
}

// ParseWith reads a scenario as Parse does, and with open the files that it refers to: its curve.
func ParseWith(open Opener, file string, src []byte, overrides ...Override) (*Scenario, error) {
	s := &Scenario{Name: nameOf(file), File: file, Source: src, AppliedOverrides: overrides, open: open}
	r, root := newReader(file, src)
	s.reader = r
	if root == nil {
		return nil, r.Err()
	}
	for _, o := range overrides {
		r.override(root, o)
	}
	f := &form{Scenario: s}
	r.section("", root, f.keys())
	f.check(r)
	if err := r.Err(); err != nil {
		return nil, err
	}
	// The origin has limits of its own; what they refuse must not get as far as a run.
	if e := s.Event(time.Unix(0, 0)); e.Validate() != nil {
		r.problem("event", "%v", e.Validate())
	}
	return s, r.Err()
}

// Event is the live event of a run that starts at start.
func (s *Scenario) Event(start time.Time) origin.Event {
	e := origin.Event{
		ID: eventID(s.Name), AvailabilityStartTime: start, StartNumber: s.StartNumber, End: start.Add(s.Duration),
		SegmentDuration: s.Segment, TimeShiftBufferDepth: s.TimeShiftBuffer,
		PublishDelay: s.PublishDelay, RetryBudget: s.RetryBudget, Patience: s.Patience,
		LiveEdgeSegments: 3,
		Renditions:       append([]origin.Rendition(nil), s.Renditions...),
	}
	// An object store copies nothing to other regions, so that pipelines have to publish in all of them.
	e.CrossPublish = s.Storage.Profile == ObjectStore
	for _, r := range s.Regions {
		e.Regions = append(e.Regions, origin.RegionPlan{Name: r.Name, Pipelines: append([]string{}, r.Pipelines...)})
	}
	return e
}

// Phases are the named parts of the event, in order and without gaps.
func (s *Scenario) Phases() []reports.Phase { return append([]reports.Phase(nil), s.phases...) }

// FaultSpecs are the faults in the order of the file.
func (s *Scenario) FaultSpecs() []faults.Spec { return append([]faults.Spec(nil), s.faults...) }

// Objectives are the objectives in the order of the file; each knows its line.
func (s *Scenario) Objectives() []reports.Objective {
	return append([]reports.Objective(nil), s.objectives...)
}

// Region finds a region by its name.
func (s *Scenario) Region(name string) (Region, bool) {
	for _, r := range s.Regions {
		if r.Name == name {
			return r, true
		}
	}
	return Region{}, false
}

// RegionNames lists the regions in the order of the file.
func (s *Scenario) RegionNames() []string {
	var names []string
	for _, r := range s.Regions {
		names = append(names, r.Name)
	}
	return names
}

// PipelineNames lists the pipelines of all regions in the order of the file.
func (s *Scenario) PipelineNames() []string {
	var names []string
	for _, r := range s.Regions {
		names = append(names, r.Pipelines...)
	}
	return names
}

// OriginNames lists a region's origin nodes: us-east-origin-1 and so on; none for an unknown region.
func (s *Scenario) OriginNames(region string) []string {
	r, _ := s.Region(region)
	return numbered(region+"-origin-", r.Origins)
}

// EdgeNames lists a region's edges: us-east-edge-1 and so on; none for an unknown region.
func (s *Scenario) EdgeNames(region string) []string {
	if _, ok := s.Region(region); !ok {
		return nil
	}
	return numbered(region+"-edge-", s.Audience.Edges)
}

// ZoneNames lists a region's zones: 1, 2 and so on; none for an unknown region.
func (s *Scenario) ZoneNames(region string) []string {
	r, _ := s.Region(region)
	return numbered("", r.Zones)
}

func numbered(prefix string, n int) []string {
	var names []string
	for k := 1; k <= n; k++ {
		names = append(names, prefix+strconv.Itoa(k))
	}
	return names
}

func nameOf(file string) string {
	base := filepath.Base(file)
	return strings.TrimSuffix(strings.TrimSuffix(base, ".yaml"), ".yml")
}

// eventID makes a name that can stand in a URL and in a file's name of any scenario's name.
func eventID(name string) string {
	id := strings.Map(func(c rune) rune {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			return c
		case 'A' <= c && c <= 'Z':
			return c - 'A' + 'a'
		}
		return '-'
	}, name)
	id = strings.Trim(id, "-")
	if id == "" {
		return "event"
	}
	return id[:min(len(id), 64)]
}
