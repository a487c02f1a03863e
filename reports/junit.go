package reports

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/jstemmer/go-junit-report/v2/junit"
)

// WriteJUnit writes one test case an objective, one an invariant, and one for whether the run is evidence at all. What
// is inconclusive is an error, not skipped: a skipped test would let the build go green.
func (r *Report) WriteJUnit(w io.Writer) error {
	suite := junit.Testsuite{Name: r.Scenario, Time: "0"}
	for _, p := range [][2]string{
		{"schema", r.Schema}, {"version", r.Version}, {"seed", strconv.FormatUint(r.Seed, 10)},
		{"verdict", string(r.Verdict)}, {"command", r.Command},
	} {
		suite.AddProperty(p[0], p[1])
	}
	class := "liveorigin." + r.Scenario
	for i := range r.Objectives {
		o := &r.Objectives[i]
		c := junit.Testcase{Name: o.Name(), Classname: class, SystemOut: o.details()}
		c.Failure, c.Error = junitResult(o.Verdict, o.Sentence(), r.Command)
		suite.AddTestcase(c)
		if o.WorstWindow != nil {
			suite.AddProperty("worst window of "+o.Name(), fmt.Sprintf("%s %s", o.WorstWindow, o.Quantity(o.WorstWindow.Value)))
		}
	}
	for _, i := range r.Invariants {
		c := junit.Testcase{Name: "no " + i.Name, Classname: class}
		if i.Violations > 0 {
			c.Failure, _ = junitResult(Fail, i.String(), r.Command)
		}
		suite.AddTestcase(c)
	}
	valid := junit.Testcase{Name: "the run is evidence", Classname: class}
	if len(r.Validity) > 0 {
		_, valid.Error = junitResult(Inconclusive, strings.Join(r.Validity, "; "), r.Command)
	}
	suite.AddTestcase(valid)
	suites := junit.Testsuites{Name: "liveorigin"}
	suites.AddSuite(suite)
	return suites.WriteXML(w)
}

func junitResult(v Verdict, message, command string) (failure, err *junit.Result) {
	res := &junit.Result{Message: message, Type: string(v), Data: "repeat: " + command}
	switch v {
	case Fail:
		return res, nil
	case Inconclusive:
		return nil, res
	}
	return nil, nil
}

// details are the figures behind a test case; the schema has properties for a suite only.
func (r *ObjectiveResult) details() *junit.Output {
	value, worst, first := "none", "none", "none"
	if r.Value != nil {
		value = r.Quantity(*r.Value)
	}
	if r.WorstWindow != nil {
		worst = fmt.Sprintf("%s with %s", r.WorstWindow, r.Quantity(r.WorstWindow.Value))
	}
	if r.FirstBreach != nil {
		first = seconds(r.FirstBreach.FromMs)
	}
	return &junit.Output{Data: fmt.Sprintf("value: %s\nlimit: %s\nsamples: %d\nworst window: %s\nfirst breach: %s\nfault: %s\n",
		value, r.Quantity(r.Limit), r.Samples, worst, first, cmp.Or(r.Fault, "none"))}
}
