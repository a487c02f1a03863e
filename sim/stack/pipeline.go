package stack

import (
	"fmt"
	"time"

	"github.com/liveorigin/liveorigin/encoders"
	"github.com/liveorigin/liveorigin/faults"
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/control"
	"github.com/liveorigin/liveorigin/sim/streams"
)

// pipeline is an encoder and its packager, which publishes in one region, and the people who run them.
type pipeline struct {
	*encoders.Pipeline
	stack        *Stack
	name, region string
}

// startPipelines makes all encoders and packagers; they publish nothing before Publish.
func (s *Stack) startPipelines() error {
	for _, r := range s.Scenario.Regions {
		for _, p := range r.Pipelines {
			if err := s.addPipeline(r.Name, p); err != nil {
				return fmt.Errorf("start pipeline %s: %w", p, err)
			}
		}
	}
	if s.operators != nil {
		for _, p := range s.pipelines {
			s.operators.Neighbours = append(s.operators.Neighbours, control.Neighbour{Name: "packager " + p.name, Listener: p})
		}
	}
	return nil
}

// addPipeline makes an encoder and its packager, which publishes to the nodes of its region; to those of every region
// where candidates are cross-published.
func (s *Stack) addPipeline(home, name string) error {
	for _, r := range s.Scenario.Regions {
		if r.Name != home && !s.Event.CrossPublish {
			continue
		}
		var nodes []origin.Publisher
		for _, door := range s.regions[r.Name].publish {
			p, err := door.Open(Part{Tier: Packager, Region: home, Name: name})
			if err != nil {
				return err
			}
			nodes = append(nodes, p)
		}
		made, err := encoders.NewPipeline(s.Runtime, s.announced(), func(ev origin.Event) (*encoders.Packager, error) {
			return s.packager(ev, home, name, r.Name, nodes)
		})
		if err != nil {
			return err
		}
		s.pipelines = append(s.pipelines, &pipeline{made, s, name, r.Name})
	}
	return nil
}

// packager makes a packager of a pipeline, which publishes an event in a region, and the encoder that it has segments from.
func (s *Stack) packager(ev origin.Event, home, name, region string, nodes []origin.Publisher) (*encoders.Packager, error) {
	enc, err := s.Media.Encoder(ev, s.Runtime)
	if err != nil {
		return nil, err
	}
	place := faults.Place{Region: home, Pipeline: name}
	stream := "packager " + name
	if region != home {
		stream += " in " + region
	}
	return encoders.NewPackager(encoders.PackagerConfig{
		Runtime: s.Runtime, Event: ev, Pipeline: name, Region: region, Header: enc.Header,
		Source: s.brokenSource(place, enc), HeaderFrom: s.headerFrom(place),
		Publishers: nodes, Recorder: s.Recorder, Rand: streams.New(s.Scenario.Seed, stream), Inspect: s.Media.Inspect,
	}), nil
}

// Apply implements control.Listener: those who run the pipeline hear of another start. Of an early end they do not, as their
// sources do not: it is for origins to refuse what comes after it.
func (p *pipeline) Apply(st origin.State) error {
	ev := p.stack.announced()
	ev.AvailabilityStartTime = p.stack.local(st.AvailabilityStartTime)
	return p.Heed(ev)
}

// local is an instant by this process's monotonic clock, like the event's start.
func (s *Stack) local(t time.Time) time.Time {
	start := s.Event.AvailabilityStartTime
	return start.Add(t.Sub(start))
}
