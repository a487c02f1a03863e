package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/liveorigin/liveorigin/origin"
)

// Interrupted is the Reason of a run's end record when the run did not come to its planned end.
const Interrupted = "interrupted"

// lingering is how long what went wrong may still show after it is over, a fault or a stall: three segments, which is as
// far as a viewer's buffer reaches.
func (p *Plan) lingering() time.Duration { return 3 * p.Event.SegmentDuration }

// segment names what all pipelines publish a candidate of.
type segment struct {
	rendition string
	number    origin.SegmentNumber
}

// publication names one pipeline's candidate.
type publication struct {
	segment
	pipeline string
}

// candidate is what became of a publication.
type candidate struct {
	region       string
	acknowledged time.Duration // zero value means nothing unless accepted
	late         time.Duration // acknowledgement after availability
	accepted     bool
	hole         bool // declares that there is nothing
	clean        bool
}

// onTime says that a viewer could not have wished for more.
func (c candidate) onTime(e *origin.Event) bool {
	return c.accepted && c.clean && c.late <= e.PublishDelay
}

// decided says when, and in which regions, origins last chose a defective candidate of a segment. On a modelled clock
// several can do so in the same microsecond.
type decided struct {
	at      time.Duration
	regions []string
}

// history is run.jsonl as the judge needs it.
type history struct {
	plan *Plan

	candidates map[publication]candidate
	publishing map[int64]*hdrhistogram.PackedHistogram // publish latency by second
	refused    int64                                   // publications without acknowledgement
	slow       int64                                   // those with one, but over slowPublish
	troubles   []PublishTrouble
	tries      map[try]tried
	newest     origin.SegmentNumber // largest number that was published

	begun    map[string]bool  // faults, by id
	seen     map[string]bool  // some record shows them at work
	affected map[string]int64 // by their end records; those without one have none
	ended    map[string]time.Duration

	defective map[segment]decided

	refusals map[refusal]int64
	lookups  map[asked]answered

	decisions, fetches, flushes int64
	sampled                     map[string]int64 // kinds of which one ordinary record in so many was written
	exact                       map[string]int64 // counters, by the kind that they count
	usage                       map[string]used
	stalls                      []stall

	operated operated
	alerted  alerted

	storms   map[string]stormed // by fault
	readBack readBack

	runBegan, runEnded bool
	interrupted        string
	from, until        time.Duration // of the run, by its records
}

// try says where and when packagers tried to publish something for the first time, and tried what came of it.
type try struct {
	region string
	second int64
}

type tried struct{ all, acknowledged int64 }

// used is what one kind of process took in all.
type used struct {
	cpu      time.Duration
	rssBytes int64
}

func newHistory(plan *Plan) *history {
	return &history{
		plan:       plan,
		candidates: map[publication]candidate{}, publishing: map[int64]*hdrhistogram.PackedHistogram{},
		tries: map[try]tried{}, refusals: map[refusal]int64{}, lookups: map[asked]answered{},
		begun: map[string]bool{}, seen: map[string]bool{}, affected: map[string]int64{}, ended: map[string]time.Duration{}, usage: map[string]used{},
		sampled: map[string]int64{}, exact: map[string]int64{}, storms: map[string]stormed{},
		operated:  operated{versions: map[string]int64{}, refused: map[string]string{}},
		alerted:   alerted{scrapes: map[int64]int64{}},
		defective: map[segment]decided{}, newest: -1,
	}
}

// readHistory reads run.jsonl. Records come in the order of writing, so nothing here may depend on what came before.
func readHistory(plan *Plan, r io.Reader) (*history, string, error) {
	h := newHistory(plan)
	note, err := eachLine(HistoryFile, r, func(line []byte) error {
		if h.skim(line) {
			return nil
		}
		var rec origin.Record
		if err := json.Unmarshal(line, &rec); err != nil {
			return fmt.Errorf("read record: %w", err)
		}
		if err := checkRecord(&rec); err != nil {
			return err
		}
		return h.add(&rec)
	})
	return h, note, err
}

// skim takes the records that are most of a history, decisions and fetches, without reading more than their first two
// fields, unless a fault may want to see them, or they tell of a defective answer. It leaves to the slow way whatever
// it does not understand at once; that is three times slower and decides the same.
func (h *history) skim(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte(`{"at_us":`))
	if !ok {
		return false
	}
	digits, rest, ok := bytes.Cut(rest, []byte(`,"kind":"`))
	if !ok || len(digits) > 15 {
		return false
	}
	kind, _, _ := bytes.Cut(rest, []byte(`"`))
	count := &h.decisions
	switch string(kind) {
	case origin.KindDecision:
		if bytes.Contains(line, defectiveWord) || bytes.Contains(line, overloadedWord) {
			return false
		}
	case origin.KindFetch:
		count = &h.fetches
	default:
		return false
	}
	us, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil || h.awaited(sinceStart(us)) || !json.Valid(line) {
		return false
	}
	h.until = max(h.until, sinceStart(us))
	*count++
	return true
}

// defectiveWord is in the line of every decision for a defective candidate.
var defectiveWord = []byte(`"` + string(origin.Defective) + `"`)

// awaited says that some fault has not been seen at work yet and might be in a record of this time.
func (h *history) awaited(at time.Duration) bool {
	for i := range h.plan.Faults {
		if h.awaits(&h.plan.Faults[i], at) {
			return true
		}
	}
	return false
}

func (h *history) awaits(f *FaultPlan, at time.Duration) bool {
	return f.Felt != nil && !h.seen[f.ID] && at >= f.From && at <= f.Until+h.plan.lingering()
}

func checkRecord(rec *origin.Record) error {
	if rec.Kind == "" {
		return fmt.Errorf("record has no kind")
	}
	for _, f := range []struct {
		name   string
		n, low int64
	}{
		{"at_us", rec.AtUs, -numberMax}, {"late_us", rec.LateUs, -numberMax}, {"wait_us", rec.WaitUs, 0},
		{"store_us", rec.StoreUs, 0}, {"cpu_us", rec.CPUUs, 0}, {"count", rec.Count, 0}, {"attempts", int64(rec.Attempts), 0},
		{"number", int64(rec.Number), int64(origin.Header)},
	} {
		if err := inRange(f.name, f.n, f.low); err != nil {
			return err
		}
	}
	return nil
}

func (h *history) add(rec *origin.Record) error {
	at := sinceStart(rec.AtUs)
	h.until = max(h.until, at)
	h.feel(rec, at)
	switch rec.Kind {
	case origin.KindRun:
		h.addRun(rec, at)
	case origin.KindFault:
		h.addFault(rec)
	case origin.KindPublish:
		return h.addPublish(rec, at)
	case origin.KindDecision:
		h.addDecision(rec, at)
	case origin.KindFetch:
		h.fetches++
	case origin.KindFlush:
		h.flushes++
	case origin.KindOperation, origin.KindAnswer:
		h.operated.add(rec)
	case origin.KindAlert, origin.KindScrape:
		h.alerted.add(rec)
	case origin.KindReadBack:
		h.readBack.add(rec)
	case origin.KindStorm:
		h.addStorm(rec)
	case origin.KindLookup:
		h.addLookup(rec)
	case origin.KindStall:
		h.addStall(rec, at)
	case origin.KindSampling:
		h.sampled[rec.Name] = max(h.sampled[rec.Name], rec.Count)
	case origin.KindCounter:
		h.exact[rec.Name] += rec.Count
	case origin.KindUsage:
		u := h.usage[rec.Name]
		u.cpu += sinceStart(rec.CPUUs)
		u.rssBytes = max(u.rssBytes, rec.Count)
		h.usage[rec.Name] = u
	}
	return nil
}

func (h *history) addRun(rec *origin.Record, at time.Duration) {
	if rec.Step == origin.Begin {
		h.runBegan, h.from = true, at
		return
	}
	h.runEnded = true
	if rec.Reason == Interrupted || rec.Error != "" {
		h.interrupted = rec.Reason
		if rec.Error != "" {
			h.interrupted = rec.Error
		}
	}
}

// addFault takes what a fault has affected from its end alone: the count at its beginning is part of that one.
func (h *history) addFault(rec *origin.Record) {
	switch rec.Step {
	case origin.Begin:
		h.begun[rec.Name] = true
	case origin.End:
		h.affected[rec.Name] = max(h.affected[rec.Name], rec.Count)
		h.ended[rec.Name] = max(h.ended[rec.Name], sinceStart(rec.AtUs))
	}
}

// addDecision keeps the latest choice of a defective candidate, as of when it was made: the record is written when the
// candidate has been read from the store as well, and what came meanwhile could not be chosen.
func (h *history) addDecision(rec *origin.Record, at time.Duration) {
	h.decisions++
	h.addRefusal(rec, at)
	if rec.Reason != string(origin.Defective) {
		return
	}
	at -= sinceStart(rec.StoreUs)
	s := segment{rec.Rendition, rec.Number}
	switch d, ok := h.defective[s]; {
	case !ok || at > d.at:
		h.defective[s] = decided{at, []string{rec.Region}}
	case at == d.at && !slices.Contains(d.regions, rec.Region):
		h.defective[s] = decided{at, append(d.regions, rec.Region)}
	}
}

// feel shows the record to the faults that it could be an effect of.
func (h *history) feel(rec *origin.Record, at time.Duration) {
	for i := range h.plan.Faults {
		if f := &h.plan.Faults[i]; h.awaits(f, at) && f.Felt(*rec) {
			h.seen[f.ID] = true
		}
	}
}

// addPublish keeps, of one candidate, the first acknowledgement: the same bytes again change nothing.
func (h *history) addPublish(rec *origin.Record, at time.Duration) error {
	if rec.Number == origin.Header {
		return nil
	}
	key := publication{segment{rec.Rendition, rec.Number}, rec.Pipeline}
	accepted := origin.Outcome(rec.Reason).Accepted()
	h.addTry(try{rec.Region, secondOf(at - sinceStart(rec.WaitUs))}, accepted)
	h.addTrouble(rec, accepted)
	if !accepted {
		h.refused++
		return nil
	}
	h.newest = max(h.newest, rec.Number)
	if seen, ok := h.candidates[key]; !ok || at < seen.acknowledged {
		region := rec.Region
		if region == "" {
			region, _ = h.plan.Event.RegionOf(rec.Pipeline)
		}
		h.candidates[key] = candidate{
			region: region, acknowledged: at, late: sinceStart(rec.LateUs), accepted: true,
			hole: slices.Contains(rec.Defects, origin.MissingSegment.String()), clean: len(rec.Defects) == 0,
		}
	}
	return record(h.publishing, secondOf(at), rec.WaitUs)
}

func (h *history) addTry(t try, acknowledged bool) {
	n := h.tries[t]
	n.all++
	if acknowledged {
		n.acknowledged++
	}
	h.tries[t] = n
}

// record adds one latency to the histogram of its second.
func record(hists map[int64]*hdrhistogram.PackedHistogram, second, us int64) error {
	hist := hists[second]
	if hist == nil {
		hist = newPacked()
		hists[second] = hist
	}
	if err := hist.RecordValue(us); err != nil {
		return fmt.Errorf("latency of %d us: %w", us, err)
	}
	return nil
}

// avoidable says whether a viewer need not have been served a defective segment (reliability.md, C1). What counts is
// when an origin chose it, not when the viewer asked: an edge keeps one variant of a segment (B4), so who comes later
// gets what was decided then. Of several such decisions the latest counts; where none was recorded, the viewer's own
// edge and time stand in for it.
func (h *history) avoidable(s segment, region string, at time.Duration) bool {
	d, ok := h.defective[s]
	if !ok {
		return h.cleanKnown(s, region, at)
	}
	return slices.ContainsFunc(d.regions, func(region string) bool { return h.cleanKnown(s, region, d.at) })
}

// cleanKnown says that a clean candidate could have been chosen in the region at the time: it had been acknowledged in
// the same region, or in another one at least crossRegion earlier.
func (h *history) cleanKnown(s segment, region string, at time.Duration) bool {
	for _, pipeline := range h.plan.Event.Order(region) {
		c := h.candidates[publication{s, pipeline}]
		if !c.accepted || !c.clean {
			continue
		}
		known := c.acknowledged
		if c.region != region {
			known += crossRegion
		}
		if known <= at {
			return true
		}
	}
	return false
}

// crossRegion is how long a node may be without the news that another region has a candidate.
const crossRegion = 250 * time.Millisecond
