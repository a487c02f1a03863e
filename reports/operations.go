package reports

import (
	"fmt"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/reports/tables"
)

// OperationPlan is something that operators do, as the judge sees it.
type OperationPlan struct {
	Name, Target string
	At, Until    time.Duration // since the event's start: when it is done, and when it has lost its meaning
	// Masks says that it keeps masked segments back.
	Masks bool
	// Concerns says whether an answer has to heed the operation, if who gave it knew of it; Heeds, whether it did: besides
	// speaking of a version of the event that is no older than the operation's.
	Concerns, Heeds func(origin.Record) bool
}

// OperationReport is what came of an operation.
type OperationReport struct {
	Name   string `json:"name"`
	Target string `json:"target"`
	AtMs   int64  `json:"at_ms"`
	// NodesMs and EdgesMs are after how long the last of them knew; null when none was seen to.
	NodesMs *float64 `json:"nodes_ms"`
	EdgesMs *float64 `json:"edges_ms"`
	Untold  int64    `json:"untold"`  // nodes and edges that did not come to know
	Answers int64    `json:"answers"` // that had to heed it, at the doors of nodes and edges
	Against int64    `json:"against"` // of those, the ones that did not
}

// obeyWithin is when a node or an edge has to heed an operation, whether it was seen to know of it or not: ten times what is
// promised within a region, twice what is promised between regions.
const obeyWithin = 2 * time.Second

// operated is what a history has to say of operators.
type operated struct {
	versions map[string]int64 // of the event, by the operation that made it
	refused  map[string]string
	learnt   []origin.Record // who came to know of which version
	answers  []origin.Record
}

func (o *operated) add(rec *origin.Record) {
	switch {
	case rec.Kind == origin.KindAnswer:
		o.answers = append(o.answers, *rec)
	case rec.Step == origin.End:
		o.learnt = append(o.learnt, *rec)
	case rec.Error != "":
		o.refused[rec.Name] = rec.Error
	default:
		o.versions[rec.Name] = rec.Count
	}
}

// isNode says whether a record is of an origin node, and not of any cache.
func isNode(rec *origin.Record) bool { return rec.Target == "origin" }

// knownAt is from when on a node or an edge has to heed an operation.
func (o *operated) knownAt(p *OperationPlan, node string) time.Duration {
	known := p.At + obeyWithin
	for i := range o.learnt {
		l := &o.learnt[i]
		if l.Node == node && l.Error == "" && o.versions[p.Name] > 0 && l.Count >= o.versions[p.Name] {
			known = min(known, sinceStart(l.AtUs))
		}
	}
	return known
}

// obedience looks at all answers that had to heed an operation. One that was asked for before it was known is not among
// them.
func (o *operated) obedience(p *OperationPlan, look func(a *origin.Record, heeds bool)) {
	known := map[string]time.Duration{}
	for i := range o.answers {
		a := &o.answers[i]
		from, ok := known[a.Node]
		if !ok {
			from = o.knownAt(p, a.Node)
			known[a.Node] = from
		}
		asked := sinceStart(a.AtUs - a.WaitUs)
		if asked >= from && asked < p.Until && p.Concerns != nil && p.Concerns(*a) {
			look(a, a.Count >= o.versions[p.Name] && p.Heeds(*a))
		}
	}
}

// answersAgainst makes points of the answers that operations are about. Each is counted once, for whatever it disobeys.
func answersAgainst(masksOnly bool) func(*evidence, string) []point {
	return func(e *evidence, region string) []point {
		against := map[*origin.Record]int64{}
		for i := range e.plan.Operations {
			p := &e.plan.Operations[i]
			if masksOnly && !p.Masks {
				continue
			}
			e.history.operated.obedience(p, func(a *origin.Record, heeds bool) {
				if heeds {
					against[a] = max(against[a], 0)
				} else {
					against[a] = 1
				}
			})
		}
		var ps []point
		for a, n := range against { // any order: points are sorted, and added up
			if region == "" || a.Region == region {
				ps = append(ps, point{second: secondOf(sinceStart(a.AtUs)), count: n, samples: 1})
			}
		}
		return ps
	}
}

// backwards makes points of the answers that spoke of an older version of the event than the same node or edge had before.
// Samples are the segments that viewers asked for.
func (e *evidence) backwards(region string) []point {
	ps := counts(func(*Tally) int64 { return 0 })(e, region)
	for i := range e.history.operated.answers {
		if a := &e.history.operated.answers[i]; a.Error != "" && (region == "" || a.Region == region) {
			ps = append(ps, point{second: secondOf(sinceStart(a.AtUs)), count: 1})
		}
	}
	return ps
}

// operationDelays makes points of how long it took until nodes, or edges, knew of what operators had done.
func operationDelays(nodes bool) func(*evidence, string) []point {
	return func(e *evidence, region string) []point {
		var ps []point
		for i := range e.history.operated.learnt {
			l := &e.history.operated.learnt[i]
			if isNode(l) != nodes || region != "" && l.Region != region {
				continue
			}
			h := newPacked()
			if h.RecordValue(l.WaitUs) == nil { // as long as it was looked at is no more than can be recorded
				ps = append(ps, point{second: secondOf(sinceStart(l.AtUs)), hist: h, samples: 1})
			}
		}
		return ps
	}
}

// operations reports what came of each.
func (e *evidence) operations() (all []OperationReport) {
	o := &e.history.operated
	for i := range e.plan.Operations {
		p := &e.plan.Operations[i]
		r := OperationReport{Name: p.Name, Target: p.Target, AtMs: p.At.Milliseconds()}
		for j := range o.learnt {
			if l := &o.learnt[j]; o.versions[p.Name] > 0 && l.Count == o.versions[p.Name] {
				r.learn(l)
			}
		}
		o.obedience(p, func(_ *origin.Record, heeds bool) {
			if r.Answers++; !heeds {
				r.Against++
			}
		})
		all = append(all, r)
	}
	return all
}

func (r *OperationReport) learn(l *origin.Record) {
	if l.Error != "" {
		r.Untold++
		return
	}
	slowest := &r.EdgesMs
	if isNode(l) {
		slowest = &r.NodesMs
	}
	if took := milliseconds(l.WaitUs); *slowest == nil || took > **slowest {
		*slowest = &took
	}
}

// undone lists the operations that did not come about.
func (e *evidence) undone() (why []string) {
	for _, p := range e.plan.Operations {
		switch refused := e.history.operated.refused[p.Name]; {
		case refused != "":
			why = append(why, fmt.Sprintf("operation %s was refused: %s", p.Name, refused))
		case e.history.operated.versions[p.Name] == 0:
			why = append(why, fmt.Sprintf("operation %s was not done", p.Name))
		}
	}
	return why
}

func (r *Report) operationTable() *tables.Table {
	t := &tables.Table{Title: "Operations, and after how many milliseconds the last node and edge knew", Labels: 2,
		Header: []string{"operation", "target", "at", "nodes", "edges", "untold", "answers", "against"}}
	took := func(ms *float64) string {
		if ms == nil {
			return "-"
		}
		return number(*ms)
	}
	for _, o := range r.Operations {
		t.Row(o.Name, o.Target, seconds(o.AtMs), took(o.NodesMs), took(o.EdgesMs), tables.Short(o.Untold), tables.Short(o.Answers),
			tables.Short(o.Against))
	}
	return t
}

// operationIndicators are the part of the table of indicators that is about operators.
func operationIndicators() []Indicator {
	return []Indicator{
		{Name: "operation delay at nodes", Unit: Milliseconds, Percentile: true, Regional: true,
			About: "from what operators do until an origin node knows of it", points: operationDelays(true)},
		{Name: "operation delay at edges", Unit: Milliseconds, Percentile: true, Regional: true,
			About: "from what operators do until an edge knows of it", points: operationDelays(false)},
		{Name: "masked segments served", Unit: Count, Regional: true,
			About:  "answers with a masked segment: of a node that knew of the mask, or an edge that knew of its invalidation",
			points: answersAgainst(true)},
		{Name: "answers against operators", Unit: Count, Regional: true,
			About: "answers of nodes and edges that do not heed what operators had done, and they knew", points: answersAgainst(false)},
		{Name: "outdated notices", Unit: Count, Regional: true,
			About: "answers with older notices than the same node or edge gave before", points: (*evidence).backwards},
	}
}
