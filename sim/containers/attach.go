package containers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/moby/moby/client"
)

// Warm is the name of the plan that `liveorigin stack up` starts and keeps.
const Warm = "liveorigin-warm"

// What can keep Attach from a stack.
var (
	ErrNoStack = errors.New("no stack is kept")
	ErrInUse   = errors.New("the kept stack is in use")
)

// Attach finds the kept stack of a name, usually [Warm], mends what a run that was killed left broken, and holds it until [Stack.Close]: one run
// at a time. Without one the error is ErrNoStack.
func Attach(ctx context.Context, name string) (*Stack, error) {
	engine, err := connect(ctx)
	if err != nil {
		return nil, err
	}
	s, err := read(ctx, engine, name)
	if err != nil {
		return nil, errors.Join(err, engine.Close())
	}
	if err := s.take(ctx); err != nil {
		return nil, errors.Join(err, s.release())
	}
	return s, nil
}

// take holds a stack and makes sure that it is whole. The lock is a port: the system gives it back whatever way we end.
func (s *Stack) take(ctx context.Context) (err error) {
	if s.use, err = net.Listen("tcp", s.Plan.lock.String()); err != nil {
		return fmt.Errorf("%w by another run, which holds %v: wait for it, or start a stack of your own", ErrInUse, s.Plan.lock)
	}
	if err := s.Heal(ctx); err != nil {
		return fmt.Errorf("mend the kept stack: %w; `liveorigin stack down` removes it", err)
	}
	for i := range s.Parts {
		if s.Parts[i].Version, err = ping(ctx, s.Parts[i]); err != nil {
			return err
		}
	}
	return nil
}

// release lets go of the lock and of the engine.
func (s *Stack) release() error {
	var err error
	if s.use != nil {
		err = s.use.Close()
	}
	return errors.Join(err, s.engine.Close())
}

// A Status is how the kept stack is.
type Status struct {
	Plan  Plan
	Parts []Part
	Amiss map[string]error // what is wrong with a part, by its name
	InUse bool             // a run holds it
}

// Look says how the kept stack is, and changes nothing. Without one the error is ErrNoStack.
func Look(ctx context.Context, name string) (Status, error) {
	engine, err := connect(ctx)
	if err != nil {
		return Status{}, err
	}
	defer engine.Close()
	s, err := read(ctx, engine, name)
	if err != nil {
		return Status{}, err
	}
	status := Status{Plan: s.Plan, Parts: s.Parts, Amiss: map[string]error{}}
	for i, p := range s.Parts {
		if err := s.asPlanned(ctx, p); err != nil {
			status.Amiss[p.Name] = err
		} else if s.Parts[i].Version, err = ping(ctx, p); err != nil {
			status.Amiss[p.Name] = err
		}
	}
	l, err := net.Listen("tcp", s.Plan.lock.String())
	if status.InUse = err != nil; status.InUse {
		return status, nil
	}
	return status, l.Close()
}

// read reads the kept stack back from its labels.
func read(ctx context.Context, engine *client.Client, name string) (*Stack, error) {
	list, err := engine.ContainerList(ctx, client.ContainerListOptions{
		All: true, Filters: client.Filters{}.Add("label", labelRun+"="+name).Add("label", labelKeep).Add("label", labelPart),
	})
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	if len(list.Items) == 0 {
		return nil, fmt.Errorf("%w; `liveorigin stack up` starts one", ErrNoStack)
	}
	var k kept
	found := map[string]Part{}
	for _, c := range list.Items {
		var p Part
		if err := errors.Join(json.Unmarshal([]byte(c.Labels[labelPart]), &p),
			json.Unmarshal([]byte(c.Labels[labelPlan]), &k)); err != nil {
			return nil, fmt.Errorf("read the labels of %s: %w", c.ID, err)
		}
		p.ID = c.ID
		found[p.Name] = p
	}
	s := &Stack{engine: engine, Plan: Plan{Name: k.Name, Regions: k.Regions, Profile: k.Profile, Images: k.Images,
		Disk: k.Disk, Keep: true, lock: k.Lock}.complete()}
	for _, wanted := range s.Plan.parts() {
		if p, ok := found[wanted.Name]; ok {
			s.Parts = append(s.Parts, p)
		}
	}
	if missing := slices.DeleteFunc(names(s.Plan.parts()), func(n string) bool { _, ok := found[n]; return ok }); len(missing) > 0 {
		return nil, fmt.Errorf("the kept stack lacks %v: its start did not end; `liveorigin stack down` removes it", missing)
	}
	return s, nil
}

// Down removes the kept stack, whole or not, and says how many containers it had.
func Down(ctx context.Context, name string) (containers int, err error) {
	engine, err := connect(ctx)
	if err != nil {
		return 0, err
	}
	defer engine.Close()
	which := client.Filters{}.Add("label", labelRun+"="+name)
	list, err := engine.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: which})
	if err != nil {
		return 0, fmt.Errorf("list containers: %w", err)
	}
	return len(list.Items), removeAll(ctx, engine, which)
}
