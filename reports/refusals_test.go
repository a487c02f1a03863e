package reports

import (
	"testing"

	"github.com/liveorigin/liveorigin/origin"
)

// refuse is an origin's decision to refuse one request.
func (w *world) refuse(s int64, region string, class origin.Class) {
	w.record(origin.Record{Kind: origin.KindDecision, AtUs: s * second, Node: region + "-origin-1", Region: region, Class: class,
		Rendition: "v720", Number: 3, Reason: string(origin.Overloaded)})
}

func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		name      string
		objective Objective
		refused   []origin.Class // at second 21, 22 and so on, in the region us-east
		verdict   Verdict
		samples   int64
	}{
		{"nobody is refused", Objective{Indicator: "refused requests"}, nil, Pass, 0},
		{"somebody is", Objective{Indicator: "refused requests"}, []origin.Class{origin.DVR}, Fail, 0},
		{"but not there", Objective{Indicator: "refused requests", Region: west}, []origin.Class{origin.DVR}, Pass, 0},
		{"nor then", Objective{Indicator: "refused requests", Phase: "recovery"}, []origin.Class{origin.DVR}, Pass, 0},
		{"only DVR", Objective{Indicator: "refused at the live edge", MinSamples: 2}, []origin.Class{origin.DVR, origin.Background}, Pass, 2},
		{"also live", Objective{Indicator: "refused at the live edge"}, []origin.Class{origin.DVR, origin.LiveEdge}, Fail, 2},
		{"no refusal is no evidence", Objective{Indicator: "refused at the live edge"}, nil, Inconclusive, 0},
		{"too few", Objective{Indicator: "refused at the live edge", MinSamples: 2}, []origin.Class{origin.DVR}, Inconclusive, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := quiet().objective(tt.objective)
			for i, class := range tt.refused {
				w.refuse(21+int64(i), east, class)
			}
			r := w.judge(t).Objectives[0]
			if r.Verdict != tt.verdict || tt.samples > 0 && r.Samples != tt.samples {
				t.Errorf("%s with %d samples, want %s with %d: %s", r.Verdict, r.Samples, tt.verdict, tt.samples, r.Sentence())
			}
		})
	}
}
