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
	claims  []*claim
	broken  []*breakage
	orders  []*order
	retries string
	knowing string
}

// keys is the table of all keys of a scenario but those of faults and objectives.
func (f *form) keys() keys {
	return keys{
		{name: "about", required: true, about: "what the scenario proves, in a sentence", is: text(&f.About)},
		{name: "seed", otherwise: "1", about: "from which all randomness follows", is: seed(&f.Seed)},
		{name: "event", required: true, about: "the live event", is: section{f.eventKeys()}},
		{name: "regions", required: true, about: "the regions by name; candidates are preferred in this order",
			is: named{what: "region", least: 1, most: 8, one: f.region}},
		{name: "storage", otherwise: "{}", about: "what a region's store is made of", is: section{f.storageKeys()}},
		{name: "origin", otherwise: "{}", about: "what origins do of themselves", is: section{f.originKeys()}},
		{name: "machines", otherwise: "{}", about: "what origin nodes run on",
			is: section{f.machineKeys()}},
		{name: "admission", otherwise: "{}", about: "whom origin nodes refuse under stress", is: section{f.admissionKeys()}},
		{name: "monitoring", about: "who watches the origins' metrics, for the alerts that are shipped; nobody by default",
			is: section{f.monitoringKeys()}},
		{name: "network", otherwise: "{}", about: "what lies between the parts",
			is: profile(&f.Network.Profile, "network", networkProfiles)},
		{name: "delivery", about: "a delivery network of sites and tiers, instead of edges", is: section{f.deliveryKeys()}},
		{name: "audience", required: true, about: "who watches, and how", is: section{f.audienceKeys()}},
		{name: "phases", otherwise: "{event: 0s}", about: "parts of the event, by name, and the whole second at which each begins",
			is: named{what: "phase", least: 1, most: 64, one: f.phase}},
		{name: "faults", otherwise: "[]", about: "what breaks, and when",
			is: sequence{most: 1000, one: f.fault}},
		{name: "operations", otherwise: "[]", about: "what operators do, and when",
			is: sequence{most: 1000, one: f.order}},
		{name: "objectives", otherwise: "[]", about: "what must hold nevertheless",
			is: sequence{most: 1000, one: f.objective}},
	}
}

func (f *form) eventKeys() keys {
	return keys{
		{name: "duration", required: true, about: "how long the event lasts: a whole number of segments",
			is: duration(&f.Duration, 4*time.Second, day)},
		{name: "planned", otherwise: "0s", about: "when it is announced to start, from when it does start once operators have moved that",
			is: shift(&f.Planned, earliest)},
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

func (f *form) phase(phase string) value {
	f.phases = append(f.phases, reports.Phase{Name: phase})
	return duration(&f.phases[len(f.phases)-1].From, 0, day)
}
