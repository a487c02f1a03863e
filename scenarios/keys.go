package scenarios

import (
	"math"
	"time"

	"github.com/liveorigin/liveorigin/encoders"
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/reports"
)

const day = 24 * time.Hour

// form is a scenario while it is being read: what later checks need besides the scenario itself.
type form struct {
	*Scenario
	claims []*claim
	broken []*breakage
}

// keys is the table of all keys of a scenario but those of faults and objectives.
func (f *form) keys() keys {
	return keys{
		{name: "about", required: true, about: "what the scenario proves, in a sentence", is: text(&f.About)},
		{name: "seed", otherwise: "1", about: "from which all randomness follows", is: seed(&f.Seed)},
		{name: "event", required: true, about: "the live event", is: section{f.eventKeys()}},
		{name: "regions", required: true, about: "the regions by name; candidates are preferred in this order",
			is: named{what: "region", least: 1, most: 8, one: f.region}},
		{name: "storage", otherwise: "{}", about: "the embedded store", is: section{f.storageKeys()}},
		{name: "audience", required: true, about: "who watches, and how", is: section{f.audienceKeys()}},
		{name: "phases", otherwise: "{event: 0s}", about: "parts of the event, by name, and the whole second at which each begins",
			is: named{what: "phase", least: 1, most: 64, one: f.phase}},
		{name: "faults", otherwise: "[]", about: "what breaks, and when",
			is: sequence{most: 1000, one: f.fault}},
		{name: "objectives", otherwise: "[]", about: "what must hold nevertheless",
			is: sequence{most: 1000, one: f.objective}},
	}
}

func (f *form) eventKeys() keys {
	return keys{
		{name: "duration", required: true, about: "how long the event lasts: a whole number of segments",
			is: duration(&f.Duration, 4*time.Second, day)},
		{name: "segment", otherwise: "2s", about: "how long a segment lasts; this release has media of 2s",
			is: duration(&f.Segment, time.Millisecond, time.Minute)},
		{name: "time_shift_buffer", otherwise: "5m", about: "how long a segment can be asked for",
			is: duration(&f.TimeShiftBuffer, 0, day)},
		{name: "publish_delay", otherwise: "300ms", about: "what encoding, packaging and publishing may take",
			is: duration(&f.PublishDelay, 0, day)},
		{name: "retry_budget", otherwise: "2s",
			about: "how long after its expected publish a segment may still be published",
			is:    duration(&f.RetryBudget, 0, time.Minute)},
		{name: "patience", otherwise: "500ms",
			about: "how long after its expected publish a defective candidate waits for a clean one",
			is:    duration(&f.Patience, 0, time.Minute)},
		{name: "start_number", otherwise: "1", about: "the number of the first segment",
			is: count(&f.StartNumber, 0, origin.SegmentNumber(math.MaxInt32))},
		{name: "ladder", otherwise: defaultLadder,
			about: "the renditions: the name of a ladder, or ids from ladder " + defaultLadder,
			is:    ladder{into: &f.Ladder, shapes: encoders.Ladders()}},
	}
}

// defaultLadder is also the one from which a list picks.
const defaultLadder = "hd"

func (f *form) region(region string) value {
	f.Regions = append(f.Regions, Region{Name: region})
	r := &f.Regions[len(f.Regions)-1] // read before the next one is appended
	return section{keys{
		{name: "pipelines", otherwise: "[]", about: "encoders with packagers, by names that are unique in the scenario",
			is: names(&r.Pipelines, 16)},
		{name: "origins", otherwise: "1", about: "origin nodes that deliver", is: count(&r.Origins, 1, 8)},
		{name: "zones", otherwise: "3", about: "zones, each with a replica of the store",
			is: count(&r.Zones, 1, 5)},
	}}
}

func (f *form) storageKeys() keys {
	return keys{
		{name: "write", otherwise: "{}", about: "one replica's latency of a write",
			is: section{latencyKeys(&f.Storage.Write, "5ms", "30ms")}},
		{name: "read", otherwise: "{}", about: "one replica's latency of a read",
			is: section{latencyKeys(&f.Storage.Read, "2ms", "10ms")}},
		{name: "replication_lag", otherwise: "100ms", about: "how long a write takes to the other regions",
			is: duration(&f.Storage.ReplicationLag, 0, time.Minute)},
	}
}

func latencyKeys(into *Latency, p50, p99 string) keys {
	return keys{
		{name: "p50", otherwise: p50, about: "half are faster", is: duration(&into.P50, time.Microsecond, time.Minute)},
		{name: "p99", otherwise: p99, about: "one in a hundred is slower",
			is: duration(&into.P99, time.Microsecond, time.Minute)},
	}
}

func (f *form) audienceKeys() keys {
	a := &f.Audience
	return keys{
		{name: "edges", otherwise: "2", about: "edge caches in every region", is: count(&a.Edges, 1, 32)},
		{name: "viewers", required: true, about: "how many watch", is: section{keys{
			{name: "start", otherwise: "0", about: "viewers when the event begins",
				is: count(&a.Viewers.Start, 0, maxViewers)},
			{name: "ramp", otherwise: "0s", about: "how long it takes until all are there",
				is: duration(&a.Viewers.Ramp, 0, day)},
			{name: "peak", required: true, about: "viewers after the ramp", is: count(&a.Viewers.Peak, 1, maxViewers)},
		}}},
		{name: "ladder", otherwise: "spread",
			about: "what each plays: spread over all videos, the lowest, the highest, or a rendition's id",
			is:    name(&a.Ladder)},
		{name: "buffer", otherwise: "4s", about: "how much media a player holds before it runs dry",
			is: duration(&a.Buffer, 100*time.Millisecond, 5*time.Minute)},
		{name: "dvr_share", otherwise: "0%", about: "the part of the viewers that watches behind the live edge",
			is: share(&a.DVRShare)},
		{name: "scrub", about: "when every viewer behind the live edge jumps about", is: section{keys{
			{name: "at", required: true, about: "from the event's start", is: duration(&a.Scrub.At, 0, day)},
			{name: "for", required: true, about: "how long", is: duration(&a.Scrub.For, time.Millisecond, day)},
		}}},
		{name: "check_every", otherwise: "16", about: "one segment in so many is checked byte for byte",
			is: count(&a.CheckEvery, 1, 1_000_000)},
	}
}

// maxViewers is what a run on one machine can be asked for.
const maxViewers = 100_000

func (f *form) phase(phase string) value {
	f.phases = append(f.phases, reports.Phase{Name: phase})
	return duration(&f.phases[len(f.phases)-1].From, 0, day)
}
