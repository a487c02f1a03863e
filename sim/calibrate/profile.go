package calibrate

import (
	"time"

	"github.com/liveorigin/liveorigin/sim/storage"
)

// Profile is the fit as a file holds it. Command is how to make it again.
func (f *Fit) Profile(name, version, command string) *storage.Profile {
	s, r := f.Samples, f.Replica
	calls, failed := s.Calls()
	p := &storage.Profile{Name: name,
		Measured: storage.Measured{At: s.At.UTC().Truncate(time.Second), Stack: s.About.Stack, Machine: s.About.Machine,
			Images: s.About.Images, Version: version, Command: command, For: storage.Span(s.Plan.For), Calls: calls, Failed: failed},
		Write: body(r.Write, r.WriteMiB), Read: body(r.Read, r.ReadMiB),
		WriteCapacity: rates(r.Capacity), ReadCapacity: rates(r.ReadCapacity),
		OneMachine: r.OneMachine, Nodes: r.Nodes}
	if r.Pauses.Every > 0 {
		p.Pauses = &storage.Pauses{Every: storage.Span(r.Pauses.Every.Round(time.Millisecond)),
			P50: storage.Span(r.Pauses.Length.P50), P99: storage.Span(r.Pauses.Length.P99)}
	}
	for _, c := range f.Compared {
		if !c.Stopped {
			p.Fit = append(p.Fit, storage.Miss{Call: string(c.Kind), Bytes: c.Bytes, Calls: c.Calls,
				P50: storage.Percent(c.at(0.5).Off), P99: storage.Percent(c.at(0.99).Off)})
		}
	}
	return p
}

// at is the point of a quantile that is compared.
func (c *Comparison) at(q float64) (p Point) {
	for _, p = range c.Points {
		if p.Quantile == q {
			break
		}
	}
	return p
}

func body(l, perMiB storage.Latency) storage.Body {
	return storage.Body{P50: storage.Span(l.P50), P99: storage.Span(l.P99),
		MiBP50: storage.Span(perMiB.P50), MiBP99: storage.Span(perMiB.P99)}
}

// rates are nil for a capacity without limits.
func rates(c storage.Capacity) *storage.Rates {
	if c == (storage.Capacity{}) || c == storage.Unlimited {
		return nil
	}
	return &storage.Rates{Operations: storage.Rate(c.Operations), Bytes: storage.Speed(c.Bytes)}
}
