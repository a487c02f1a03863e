package calibrate

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// levels say where a replica's latency stands in its own distribution when a call's stands at u in the calls', as standard
// deviations of the logarithm.
type levels func(kind Kind, u float64) float64

// apart are the levels of three replicas that draw independently. A write takes as long as the second of them, and the
// median of three draws has the distribution 3F²-2F³; a read as long as the first, which has 1-(1-F)³. Both have inverses
// in closed form.
func apart(kind Kind, u float64) float64 {
	f := 1 - math.Cbrt(1-u)
	if kind == Put {
		f = 0.5 - math.Sin(math.Asin(1-2*u)/3)
	}
	return distuv.UnitNormal.Quantile(f)
}

// alike are the levels of replicas that are slow together: a call takes as long as any of them.
func alike(_ Kind, u float64) float64 { return distuv.UnitNormal.Quantile(u) }

// left are the levels of two replicas that draw independently, while the third is stopped: a write takes as long as the
// slower one, a read as long as the quicker.
func left(kind Kind, u float64) float64 {
	if kind == Put {
		return distuv.UnitNormal.Quantile(math.Sqrt(u))
	}
	return distuv.UnitNormal.Quantile(1 - math.Sqrt(1-u))
}

// onOneMachine says whether zones are slow together, by what it did to the medians to stop one of them. Were they slow each
// by itself, calls would take longer with one less to wait for or to choose from. On one machine they do not, or less than
// half as much: what is left has the processors of the one that is gone. Where no zone could be stopped, zones are taken
// to be apart, as those of a real store are.
func onOneMachine(s *Samples) bool {
	var expected, seen float64 // sums of logarithms
	for _, kind := range kinds {
		for _, bytes := range s.Plan.Sizes {
			all, without := s.cell(kind, bytes, 0, false), s.cell(kind, bytes, 0, true)
			if without == nil || without.Took.TotalCount() == 0 {
				return false
			}
			body := replica(kind, apart, all.Took, 0, besidePauses)
			expected += body.sigma * (left(kind, 0.5) - apart(kind, 0.5))
			seen += math.Log(float64(without.at(0.5)) / float64(all.at(0.5)))
		}
	}
	return seen < expected/2
}
