package containers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// A Fault is a way in which one part can be broken. A zone is lost by breaking its parts, a region by breaking all zones.
type Fault string

const (
	Kill       Fault = "kill"       // all processes at once; mended by a start
	Stop       Fault = "stop"       // as an operator would; mended by a start
	Pause      Fault = "pause"      // frozen, with its connections open: slow without end
	LimitCPU   Fault = "limit-cpu"  // a twentieth of a core: slow
	Disconnect Fault = "disconnect" // a Cassandra node from all its peers; its clients still reach it
	Partition  Fault = "partition"  // a Cassandra node from the other regions; of all nodes of a region, a partition
	FillDisk   Fault = "fill-disk"  // no room for the data of a Cassandra node; needs Plan.Disk
)

// slowCPU is what LimitCPU leaves, in billionths of a core.
const slowCPU = 50_000_000

// method is how a fault is done and undone, and what shows that it is there.
type method struct {
	nodesOnly bool
	apply     func(*Stack, context.Context, Part) error
	undo      func(*Stack, context.Context, Part) error
	there     func(*Stack, context.Context, Part, container.InspectResponse) (bool, error)
}

// ErrNotAsPlanned is of a part that shows a fault that nobody did to it.
var ErrNotAsPlanned = errors.New("not as planned")

// methods has all faults in the order in which they are looked for and undone: what does not run cannot do the rest.
var methods = []struct {
	Fault
	method
}{
	{Kill, method{apply: (*Stack).kill, undo: (*Stack).run, there: (*Stack).dead}},
	{Stop, method{apply: (*Stack).stop, undo: (*Stack).run, there: (*Stack).dead}},
	{Pause, method{apply: (*Stack).pause, undo: (*Stack).unpause, there: (*Stack).paused}},
	{LimitCPU, method{apply: (*Stack).slow, undo: (*Stack).fast, there: (*Stack).limited}},
	{Disconnect, method{nodesOnly: true, apply: (*Stack).disconnect, undo: (*Stack).reconnect, there: (*Stack).alone}},
	{Partition, method{nodesOnly: true, apply: (*Stack).cutOff, undo: (*Stack).reconnect, there: (*Stack).apart}},
	{FillDisk, method{nodesOnly: true, apply: (*Stack).fill, undo: (*Stack).empty, there: (*Stack).full}},
}

func (f Fault) method() (method, error) {
	for _, m := range methods {
		if m.Fault == f {
			return m.method, nil
		}
	}
	return method{}, fmt.Errorf("no fault %q", f)
}

// broken is a fault on a part that is not undone yet.
type broken struct {
	Fault
	part string
}

// Break does a fault to a part, and returns when the engine has done it and it can be seen.
func (s *Stack) Break(ctx context.Context, name string, f Fault) error {
	part, m, err := s.target(name, f)
	if err != nil {
		return err
	}
	s.mu.Lock()
	taken := slices.Contains(s.broken, broken{f, name})
	if !taken {
		s.broken = append(s.broken, broken{f, name}) // first: what fails half-way has to be undone too
	}
	s.mu.Unlock()
	if taken {
		return fmt.Errorf("%s %s: it is already", f, name)
	}
	if err := m.apply(s, ctx, part); err != nil {
		return fmt.Errorf("%s %s: %w", f, name, err)
	}
	if there, err := s.shows(ctx, part, m); err != nil || !there {
		return errors.Join(fmt.Errorf("%s %s: the engine did not do it", f, name), err)
	}
	return nil
}

func (s *Stack) target(name string, f Fault) (Part, method, error) {
	part, err := s.Part(name)
	if err != nil {
		return Part{}, method{}, err
	}
	m, err := f.method()
	switch {
	case err != nil:
	case m.nodesOnly && part.Kind != Cassandra:
		err = fmt.Errorf("%s %s: only a Cassandra node has peers and a disk", f, name)
	case f == FillDisk && s.Plan.Disk == 0:
		err = fmt.Errorf("%s %s: its disk is the machine's; give the plan a Disk", f, name)
	}
	return part, m, err
}

// Mend undoes a fault on a part, and returns when the part is as planned again, but for other faults that it has, and
// answers. A node that was away has heard of its peers again, unless something else is broken.
func (s *Stack) Mend(ctx context.Context, name string, f Fault) error {
	part, m, err := s.target(name, f)
	if err != nil {
		return err
	}
	if err := m.undo(s, ctx, part); err != nil {
		return fmt.Errorf("undo %s of %s: %w", f, name, err)
	}
	s.mu.Lock()
	s.broken = slices.DeleteFunc(s.broken, func(b broken) bool { return b == broken{f, name} })
	s.mu.Unlock()
	return s.Verify(ctx, name)
}

// Verify says whether a part is as planned, but for the faults that it has now: the engine must show nothing else, and a
// part without faults must answer, a node after a write that every other node has.
func (s *Stack) Verify(ctx context.Context, name string) error {
	part, err := s.Part(name)
	if err != nil {
		return err
	}
	if err := s.asPlanned(ctx, part); err != nil {
		return err
	}
	s.mu.Lock()
	others := len(s.broken)
	mine := slices.ContainsFunc(s.broken, func(b broken) bool { return b.part == name })
	s.mu.Unlock()
	if mine {
		return nil
	}
	if _, err := awaitPing(ctx, part, s.Plan.Timeout); err != nil {
		return fmt.Errorf("%s does not answer: %w", name, err)
	}
	if part.Kind == Cassandra && others == 0 {
		return meshed(ctx, s.Of(Cassandra, ""), s.Plan.Timeout)
	}
	return nil
}

// asPlanned says what the engine shows of a part that should not be.
func (s *Stack) asPlanned(ctx context.Context, part Part) error {
	for _, m := range methods {
		if s.excused(m.Fault, part) {
			continue
		}
		there, err := s.shows(ctx, part, m.method)
		if err != nil {
			return err
		}
		if there {
			return fmt.Errorf("%s is %w: %s", part.Name, ErrNotAsPlanned, m.Fault)
		}
	}
	return nil
}

// excused says whether a part may show a fault: because it has it, or has one that looks the same. A node whose disk is full
// may have ended by itself.
func (s *Stack) excused(f Fault, part Part) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.broken {
		same := b.Fault == f || b.Fault == Kill || b.Fault == Stop || b.Fault == FillDisk || b.Fault == Disconnect && f == Partition
		if b.part == part.Name && same {
			return true
		}
	}
	return false
}

// Broken lists what is broken now, as "pause cassandra-us-east-1".
func (s *Stack) Broken() (list []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.broken {
		list = append(list, string(b.Fault)+" "+b.part)
	}
	return list
}

// Heal undoes whatever any part shows, done by this process or by one before, and returns when all parts answer.
func (s *Stack) Heal(ctx context.Context) error {
	s.mu.Lock()
	s.broken = nil
	s.mu.Unlock()
	healed := false
	for _, part := range s.Parts {
		for _, m := range methods {
			there, err := s.shows(ctx, part, m.method)
			if err == nil && there {
				healed = true
				err = m.undo(s, ctx, part)
			}
			if err != nil {
				return fmt.Errorf("heal %s of %s: %w", m.Fault, part.Name, err)
			}
		}
		if _, err := awaitPing(ctx, part, s.Plan.Timeout); err != nil {
			return fmt.Errorf("%s does not answer: %w", part.Name, err)
		}
	}
	if !healed {
		return nil
	}
	return meshed(ctx, s.Of(Cassandra, ""), s.Plan.Timeout)
}

// shows looks whether a fault is there.
func (s *Stack) shows(ctx context.Context, part Part, m method) (bool, error) {
	if m.nodesOnly && part.Kind != Cassandra {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	r, err := s.engine.ContainerInspect(ctx, part.ID, client.ContainerInspectOptions{})
	if errdefs.IsNotFound(err) {
		return false, fmt.Errorf("somebody removed the container of %s: %w", part.Name, err)
	}
	if err != nil {
		return false, fmt.Errorf("look at %s: %w", part.Name, err)
	}
	return m.there(s, ctx, part, r.Container)
}

// stopWithin is how long a part has to stop by itself.
const stopWithin = 20 * time.Second
