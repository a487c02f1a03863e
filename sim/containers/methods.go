package containers

import (
	"context"
	"errors"
	"fmt"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

func (s *Stack) kill(ctx context.Context, p Part) error {
	_, err := s.engine.ContainerKill(ctx, p.ID, client.ContainerKillOptions{Signal: "KILL"})
	if err != nil {
		return err
	}
	return await(ctx, answerWithin, func() error { return s.until(ctx, p, (*Stack).dead) })
}

func (s *Stack) stop(ctx context.Context, p Part) error {
	seconds := int(stopWithin.Seconds())
	_, err := s.engine.ContainerStop(ctx, p.ID, client.ContainerStopOptions{Timeout: &seconds})
	return err
}

func (s *Stack) run(ctx context.Context, p Part) error {
	_, err := s.engine.ContainerStart(ctx, p.ID, client.ContainerStartOptions{})
	return err
}

func (s *Stack) dead(_ context.Context, _ Part, r container.InspectResponse) (bool, error) {
	return !r.State.Running, nil
}

// until is an error as long as something does not show.
func (s *Stack) until(ctx context.Context, p Part, shows func(*Stack, context.Context, Part, container.InspectResponse) (bool, error)) error {
	there, err := s.shows(ctx, p, method{there: shows})
	if err == nil && !there {
		err = errors.New("not yet")
	}
	return err
}

func (s *Stack) pause(ctx context.Context, p Part) error {
	_, err := s.engine.ContainerPause(ctx, p.ID, client.ContainerPauseOptions{})
	return err
}

func (s *Stack) unpause(ctx context.Context, p Part) error {
	_, err := s.engine.ContainerUnpause(ctx, p.ID, client.ContainerUnpauseOptions{})
	return err
}

func (s *Stack) paused(_ context.Context, _ Part, r container.InspectResponse) (bool, error) {
	return r.State.Paused, nil
}

func (s *Stack) slow(ctx context.Context, p Part) error { return s.cpus(ctx, p, slowCPU) }

// fast gives a part all cores: the engine takes zero for "as before", so no limit is more than there is.
func (s *Stack) fast(ctx context.Context, p Part) error {
	info, err := s.engine.Info(ctx, client.InfoOptions{})
	if err != nil {
		return err
	}
	return s.cpus(ctx, p, int64(info.Info.NCPU)*1_000_000_000)
}

func (s *Stack) cpus(ctx context.Context, p Part, billionths int64) error {
	_, err := s.engine.ContainerUpdate(ctx, p.ID, client.ContainerUpdateOptions{
		Resources: &container.Resources{NanoCPUs: billionths},
	})
	return err
}

func (s *Stack) limited(_ context.Context, _ Part, r container.InspectResponse) (bool, error) {
	return r.HostConfig.NanoCPUs != 0 && r.HostConfig.NanoCPUs < 1_000_000_000, nil
}

func (s *Stack) disconnect(ctx context.Context, p Part) error {
	return errors.Join(s.leave(ctx, p, s.Plan.within(p.Region)), s.leave(ctx, p, s.Plan.between()))
}

func (s *Stack) cutOff(ctx context.Context, p Part) error { return s.leave(ctx, p, s.Plan.between()) }

func (s *Stack) leave(ctx context.Context, p Part, net string) error {
	_, err := s.engine.NetworkDisconnect(ctx, net, client.NetworkDisconnectOptions{Container: p.ID, Force: true})
	return err
}

// reconnect puts a node on its networks again, at the addresses that it had.
func (s *Stack) reconnect(ctx context.Context, p Part) error {
	r, err := s.engine.ContainerInspect(ctx, p.ID, client.ContainerInspectOptions{})
	if err != nil {
		return err
	}
	var errs []error
	if within := s.Plan.within(p.Region); !on(r.Container, within) {
		errs = append(errs, attach(ctx, s.engine, within, p.ID, p.InRegion))
	}
	if !on(r.Container, s.Plan.between()) {
		errs = append(errs, attach(ctx, s.engine, s.Plan.between(), p.ID, p.Between))
	}
	return errors.Join(errs...)
}

func (s *Stack) alone(_ context.Context, p Part, r container.InspectResponse) (bool, error) {
	return !on(r, s.Plan.within(p.Region)), nil
}

func (s *Stack) apart(_ context.Context, _ Part, r container.InspectResponse) (bool, error) {
	return !on(r, s.Plan.between()), nil
}

func on(r container.InspectResponse, net string) bool {
	_, ok := r.NetworkSettings.Networks[net]
	return ok
}

// exitCode is of a command that ended, but not well.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// sh runs a line of shell in a container.
func (s *Stack) sh(ctx context.Context, container, line string) error {
	made, err := s.engine.ExecCreate(ctx, container, client.ExecCreateOptions{Cmd: []string{"sh", "-c", line}})
	if errdefs.IsConflict(err) {
		return fmt.Errorf("%s does not run: %w", container, err)
	}
	if err != nil {
		return err
	}
	if _, err := s.engine.ExecStart(ctx, made.ID, client.ExecStartOptions{Detach: true}); err != nil {
		return err
	}
	running := errors.New("still running")
	var seen client.ExecInspectResult
	err = await(ctx, stopWithin, func() error {
		if seen, err = s.engine.ExecInspect(ctx, made.ID, client.ExecInspectOptions{}); err == nil && seen.Running {
			err = running
		}
		return err
	})
	if err == nil && seen.ExitCode != 0 {
		return exitCode(seen.ExitCode)
	}
	return err
}
