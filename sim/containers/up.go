package containers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/moby/moby/client"
)

// Up starts a stack and returns when every part of it is ready: the seed of the Cassandra cluster and the caches at once,
// then all other nodes together, each with a place of its own on the ring, and at last a write that every node must
// have. What does not come up is removed again, and the error ends with the last lines that the container wrote.
//
// Up begins with a [Sweep].
func Up(ctx context.Context, p Plan) (*Stack, error) {
	began := time.Now()
	if err := p.Check(); err != nil {
		return nil, err
	}
	p = p.complete()
	engine, err := connect(ctx)
	if err != nil {
		return nil, err
	}
	s := &Stack{Plan: p, engine: engine}
	if err := s.unused(ctx); err != nil {
		return nil, errors.Join(err, engine.Close())
	}
	if err := s.up(ctx); err != nil {
		return nil, errors.Join(err, s.discard(ctx))
	}
	s.Took = time.Since(began)
	return s, nil
}

// unused makes sure that nothing of the plan's name is there: we would take it for ours, and remove it with ours.
func (s *Stack) unused(ctx context.Context) error {
	list, err := s.engine.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: s.Plan.filter()})
	if err != nil {
		return fmt.Errorf("list containers: %w", err)
	}
	if len(list.Items) > 0 {
		return fmt.Errorf("%w: %s, with %d containers; `liveorigin stack status` looks at the kept one, `liveorigin stack down` "+
			"removes it", ErrExists, s.Plan.Name, len(list.Items))
	}
	return nil
}

// ErrExists is of a stack whose name another one has.
var ErrExists = errors.New("such a stack is up already")

func (s *Stack) up(ctx context.Context) error {
	m, err := examine(ctx, s.engine, s.Plan.Images)
	if err != nil {
		return err
	}
	if need := s.Plan.Memory(); need > m.Memory {
		return fmt.Errorf("%w: %d parts may take %s, and the engine has %s; take the small profile, or lower the limits",
			ErrMemory, len(s.Plan.parts()), size(need), size(m.Memory))
	}
	if _, err := sweep(ctx, s.engine); err != nil {
		return fmt.Errorf("remove what earlier runs left: %w", err)
	}
	if s.Plan.Keep {
		if err := s.lock(); err != nil {
			return err
		}
	}
	nets, err := createNetworks(ctx, s.engine, s.Plan)
	if err != nil {
		return err
	}
	if s.Parts, err = s.Plan.placed(nets, m.Images); err != nil {
		return err
	}
	if err := s.keepDisks(ctx); err != nil {
		return err
	}
	if err := s.startAll(ctx); err != nil {
		return err
	}
	return meshed(ctx, s.Of(Cassandra, ""), s.Plan.Timeout)
}

// lock chooses the port that whoever uses a kept stack listens on, and takes it.
func (s *Stack) lock() error {
	ports, err := freePorts(1)
	if err != nil {
		return err
	}
	s.Plan.lock = ports[0]
	s.use, err = net.Listen("tcp", ports[0].String())
	return err
}

// placed gives every part its addresses.
func (p Plan) placed(nets subnets, images []Image) ([]Part, error) {
	parts := p.parts()
	ports, err := freePorts(len(parts))
	if err != nil {
		return nil, err
	}
	for i := range parts {
		part := &parts[i]
		part.Address = ports[i]
		part.Inside = address(nets[p.clients()], i)
		for _, image := range images {
			if image.Name == part.Image {
				part.ImageID = image.ID
			}
		}
		if part.Kind == Cassandra {
			part.InRegion = address(nets[p.within(part.Region)], i)
			part.Between = address(nets[p.between()], i)
		}
	}
	return parts, nil
}

// startAll starts the seed and the caches, then the other nodes. The first that fails ends it.
func (s *Stack) startAll(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var progress sync.Mutex
	done := 0
	var waves [2]sync.WaitGroup
	for i := range s.Parts {
		wave := &waves[0]
		if s.Parts[i].Kind == Cassandra && i > 0 {
			wave = &waves[1]
		}
		wave.Add(1)
		go func() {
			defer wave.Done()
			if wave == &waves[1] {
				waves[0].Wait()
			}
			if context.Cause(ctx) != nil {
				return
			}
			if err := s.start(ctx, i); err != nil {
				cancel(fmt.Errorf("start %s: %w", s.Parts[i].Name, err))
				return
			}
			progress.Lock()
			defer progress.Unlock()
			if done++; s.Plan.Progress != nil {
				s.Plan.Progress(s.Parts[i], done, len(s.Parts))
			}
		}()
	}
	waves[0].Wait()
	waves[1].Wait()
	return context.Cause(ctx)
}

// start makes one container and waits until it is ready. A host port that somebody took since it was chosen is no reason
// to give up.
func (s *Stack) start(ctx context.Context, i int) error {
	const tries = 3
	began := time.Now()
	part := s.Parts[i]
	for try := 1; ; try++ {
		err := s.create(ctx, &part)
		if err == nil {
			break
		}
		err = errors.Join(err, s.lastWords(ctx, part))
		if try == tries || !portTaken(err) {
			return err
		}
		if err := removeContainer(ctx, s.engine, s.Plan.container(part)); err != nil {
			return err
		}
		ports, err := freePorts(1)
		if err != nil {
			return err
		}
		part.Address = ports[0]
	}
	err := s.answers(ctx, &part)
	if err != nil {
		return errors.Join(err, s.lastWords(ctx, part))
	}
	part.Took = time.Since(began)
	s.Parts[i] = part
	return nil
}

// answers waits until a part that was just started says its version, or is no more.
func (s *Stack) answers(ctx context.Context, part *Part) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	err := await(ctx, s.Plan.Timeout, func() (err error) {
		if part.Version, err = ping(ctx, *part); err == nil {
			return nil
		}
		if there, _ := s.shows(ctx, *part, method{there: (*Stack).dead}); there {
			cancel(errDied)
		}
		return err
	})
	if context.Cause(ctx) == errDied {
		return errDied
	}
	return err
}

var errDied = errors.New("it ended by itself")

// Close ends the use of a stack: what is still broken is mended when it is kept, and all of it is removed when it is not.
// It works after ctx has ended, within a minute.
func (s *Stack) Close(ctx context.Context) error {
	if !s.Plan.Keep {
		return s.discard(ctx)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	return errors.Join(s.Heal(ctx), s.release())
}

// discard removes everything of a stack.
func (s *Stack) discard(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	err := removeAll(ctx, s.engine, s.Plan.filter())
	return errors.Join(err, s.release())
}

// place says which data centre a node is in, which of its nodes it is, and how many it has.
func (s *Stack) place(part Part) (region, node, of int) {
	for i, r := range s.Plan.Regions {
		if r.Name == part.Region {
			peers := s.Of(Cassandra, r.Name)
			return i, slices.IndexFunc(peers, func(p Part) bool { return p.Name == part.Name }), len(peers)
		}
	}
	return 0, 0, 1
}
