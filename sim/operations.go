package sim

import (
	"fmt"
	"strings"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/reports"
	"github.com/liveorigin/liveorigin/scenarios"
	"github.com/liveorigin/liveorigin/sim/stack"
)

// operationPlans tells the judge what operators do, and which answers do not heed it.
func operationPlans(sc *scenarios.Scenario) (plans []reports.OperationPlan) {
	for _, o := range sc.Operations() {
		p := reports.OperationPlan{Name: o.Name, Target: about(sc, o), At: o.At, Until: sc.Until(o),
			Masks: o.Do == scenarios.Mask || o.Do == scenarios.Invalidate || o.Do == scenarios.NewCache}
		p.Concerns = func(a origin.Record) bool { return obliges(o, &a) && sc.Concerns(o, a.Number) }
		p.Heeds = func(a origin.Record) bool { return heeds(sc, o, &a) }
		plans = append(plans, p)
	}
	return plans
}

// obliges says whether an operation is for the kind of part that gave an answer. Nodes heed masks, and caches the
// invalidations that follow. What holds for one region only is seen at the nodes of that region alone: a cache may have what
// another region served.
func obliges(o scenarios.Operation, a *origin.Record) bool {
	node := a.Target == string(stack.Origin)
	switch {
	case o.Region != "" && (!node || a.Region != o.Region):
		return false
	case o.Do == scenarios.Mask:
		return node
	case o.Do == scenarios.Invalidate || o.Do == scenarios.NewCache:
		return !node
	}
	return true
}

// heeds says whether an answer for a segment that an operation concerns is one that the operation allows.
func heeds(sc *scenarios.Scenario, o scenarios.Operation, a *origin.Record) bool {
	r := origin.Response{Reason: origin.Reason(a.Reason)}
	switch {
	case !r.OK():
		return true
	case o.Do == scenarios.Mask || o.Do == scenarios.Invalidate:
		return a.Pipeline != o.Pipeline
	case o.Do == scenarios.NewCache:
		return !sc.Masked(o.At, a.Pipeline, a.Number)
	case o.Do == scenarios.Redirect:
		return a.Pipeline == o.Pipeline
	case o.Do == scenarios.MoveStart: // nobody has a segment before it can have been made
		return a.AtUs >= sc.Available(a.Number).Microseconds()
	case o.Do == scenarios.EndEvent || o.Do == scenarios.Remove:
		return false // there is no segment after the end, and none of an event that was removed
	}
	return true
}

// about names what an operation is about, in a few words.
func about(sc *scenarios.Scenario, o scenarios.Operation) string {
	var words []string
	for _, w := range []string{o.Pipeline, o.Region, o.Of} {
		if w != "" {
			words = append(words, w)
		}
	}
	if o.To > 0 {
		from, to := sc.Range(o)
		words = append(words, fmt.Sprintf("%d-%d", from, to))
	}
	if len(words) == 0 {
		return "all"
	}
	return strings.Join(words, " ")
}
