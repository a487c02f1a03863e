package calibrate

import (
	"fmt"
	"io"
	"math"
	"time"

	"github.com/liveorigin/liveorigin/reports/tables"
	"github.com/liveorigin/liveorigin/sim/storage"
)

// WriteText writes what was measured, what follows, and by how much that is off.
func (f *Fit) WriteText(w io.Writer) error {
	s := f.Samples
	calls, failed := s.Calls()
	fmt.Fprintf(w, "%s on %s\n%s calls in %v, %d failed; the open loop made %.0f calls a second", s.About.Stack, s.About.Machine,
		tables.Short(calls), s.Plan.For, failed, s.Plan.Rate)
	if s.Held > 0 {
		fmt.Fprintf(w, ", %d of them late: %d were under way", s.Held, outstandingMost)
	}
	fmt.Fprintln(w)
	for _, t := range []*tables.Table{f.figures(), f.points(false), f.points(true), f.throughputs()} {
		if err := write(w, t); err != nil {
			return err
		}
	}
	tables.WriteList(w, "What it rests on", f.notes())
	fmt.Fprintln(w, "\n"+f.VerdictLine())
	return nil
}

// VerdictLine says whether the model is good enough.
func (f *Fit) VerdictLine() string {
	switch f.Within() {
	case Yes:
		return "FIT: p50 of every size within 10 %, and p99 of all sizes within 25 %, of what was measured"
	case No:
		return "NO FIT: p50 of some size is off by more than 10 %, or p99 of all sizes by more than 25 %"
	}
	return "FIT UNKNOWN: too few calls to say of every p50 and p99; measure for longer (--for)"
}

func write(w io.Writer, t *tables.Table) error {
	lines, err := t.Lines()
	if err != nil || len(lines) == 0 {
		return err
	}
	fmt.Fprintf(w, "\n%s\n", t.Title)
	for _, l := range lines {
		fmt.Fprintln(w, "  "+l)
	}
	return nil
}

// figures are those of one replica.
func (f *Fit) figures() *tables.Table {
	r := f.Replica
	t := &tables.Table{Title: "One replica", Labels: 1, Header: []string{"", "p50", "p99", "p50 a MiB", "p99 a MiB"}}
	t.Row("write", brief(r.Write.P50), brief(r.Write.P99), brief(r.WriteMiB.P50), brief(r.WriteMiB.P99))
	t.Row("read", brief(r.Read.P50), brief(r.Read.P99), brief(r.ReadMiB.P50), brief(r.ReadMiB.P99))
	return t
}

// points are the quantiles of the open loop, with a zone stopped or without.
func (f *Fit) points(stopped bool) *tables.Table {
	t := &tables.Table{Title: "Open loop, measured and modelled", Labels: 2,
		Header: []string{"call", "quantile", "calls", "measured", "modelled", "off", "95 % interval", "within"}}
	if stopped {
		t.Title = "The same with a zone stopped, which the fit has not seen"
	}
	for _, c := range f.Compared {
		if c.Stopped != stopped {
			continue
		}
		for i, p := range c.Points {
			call, within := "", string(p.Within)
			if i == 0 {
				call = fmt.Sprintf("%s %s", c.Kind, size(c.Bytes))
			}
			if !enough(c.Calls, p.Quantile) {
				t.Row(call, quantile(p.Quantile), tables.Short(c.Calls), "-", brief(p.Modelled), "-", "-", within)
				continue
			}
			t.Row(call, quantile(p.Quantile), tables.Short(c.Calls), brief(p.Measured), brief(p.Modelled), percent(p.Off),
				percent(p.Low)+" to "+percent(p.High), within)
		}
	}
	return t
}

// throughputs are those of the closed loops.
func (f *Fit) throughputs() *tables.Table {
	t := &tables.Table{Title: "Closed loops, calls a second", Labels: 1,
		Header: []string{"call", "callers", "measured", "modelled", "off"}}
	for _, c := range f.Closed {
		t.Row(fmt.Sprintf("%s %s", c.Kind, size(c.Bytes)), fmt.Sprint(c.Callers), tables.Figure(c.Measured),
			tables.Figure(c.Modelled), percent(c.Modelled/c.Measured-1))
	}
	return t
}

// notes say what else was found, and what was looked for and not found.
func (f *Fit) notes() (notes []string) {
	if f.Replica.OneMachine {
		notes = append(notes, "all zones stand on one machine, whose processors they share: they are taken to be slow together, so that a call has"+
			" one latency and not one in each zone, and pauses are part of it")
		return append(notes, limit("writes", f.Replica.Capacity), limit("reads", f.Replica.ReadCapacity))
	}
	p := f.pauses
	low, high := p.expected()
	if n := len(p.spans); n == 0 {
		notes = append(notes, fmt.Sprintf("no pauses of more than %s in %v: fewer than one in %v for every zone, with 95 %% confidence",
			brief(p.shortest), p.within.Round(time.Second), seconds(replicas*p.within.Seconds()/high).Round(time.Second)))
	} else {
		notes = append(notes, fmt.Sprintf("%d pauses of more than %s in %v (95 %%: %.1f to %.1f): one in %v for every zone, p50 %s, p99 %s",
			n, brief(p.shortest), p.within.Round(time.Second), low, high, p.every.Round(100*time.Millisecond), brief(p.p50), brief(p.p99)))
	}
	return append(notes, limit("writes", f.Replica.Capacity), limit("reads", f.Replica.ReadCapacity))
}

// limit says what one zone can do at most.
func limit(what string, c storage.Capacity) string {
	if rates(c) == nil {
		return "no limit of " + what + " was reached by the callers of the closed loops"
	}
	s := "limits of " + what + " in a zone, when it does nothing else:"
	if c.Operations > 0 {
		s += fmt.Sprintf(" %s operations a second", tables.Figure(c.Operations))
	}
	if c.Bytes > 0 {
		s += fmt.Sprintf(" %s bytes a second", tables.Figure(c.Bytes))
	}
	return s
}

// brief is a time with three digits.
func brief(d time.Duration) string {
	switch {
	case d == 0:
		return "0"
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < 10*time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	case d < 100*time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(time.Millisecond).String()
}

func percent(part float64) string { return fmt.Sprintf("%+.0f %%", 100*part) }

func quantile(q float64) string { return fmt.Sprintf("p%v", math.Round(1000*q)/10) }
