package containers

import (
	"context"
	"errors"
	"fmt"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/log"
)

// Where the disks of a stack are that can be full: a node's is a volume in memory, of [Plan.Disk] bytes. Such a volume is
// emptied when nobody has it mounted any more, and a node may end when it cannot write; so one more container, which does
// nothing, has all of them mounted, and room can be made whatever the node does.
const (
	dataDirectory = "/var/lib/cassandra" // in a node
	disks         = "/disks/"            // in the keeper, a directory for each node
	filler        = "/filler"            // the file that takes all the room
)

// keeper is the name of the container that keeps the disks.
func (p Plan) keeper() string { return p.Name + "-disks" }

// disk is the volume of a node, for the containers that mount it.
func (p Plan) disk(node Part, target string) mount.Mount {
	return mount.Mount{
		Type: mount.TypeVolume, Source: p.container(node), Target: target,
		VolumeOptions: &mount.VolumeOptions{Labels: p.labels(), DriverConfig: &mount.Driver{
			Name: "local", Options: map[string]string{"type": "tmpfs", "device": "tmpfs", "o": fmt.Sprintf("size=%d", p.Disk)},
		}},
	}
}

// keepDisks makes the disks of a stack, if it has some.
func (s *Stack) keepDisks(ctx context.Context) error {
	if s.Plan.Disk == 0 {
		return nil
	}
	if err := quietly(); err != nil {
		return err
	}
	_, err := testcontainers.GenericContainer(ctx, testcontainers.GenericContainerRequest{
		ContainerRequest: testcontainers.ContainerRequest{
			Image: s.Plan.Images.Cassandra, Name: s.Plan.keeper(), Labels: s.Plan.labels(),
			Entrypoint: []string{"sleep", "infinity"},
			HostConfigModifier: func(h *container.HostConfig) {
				h.NetworkMode = "none"
				h.Memory = keeperMemory
				for _, node := range s.Of(Cassandra, "") {
					h.Mounts = append(h.Mounts, s.Plan.disk(node, disks+node.Name))
				}
			},
		},
		Started: true, Logger: log.NewNoopLogger(),
	})
	if err != nil {
		return fmt.Errorf("make the disks: %w", err)
	}
	return nil
}

// keeperMemory bounds the keeper. What its volumes hold counts for the nodes that wrote it.
const keeperMemory = 32 * mebibyte

// fill writes until there is no room. It is the node that does so, since it has the memory for it.
func (s *Stack) fill(ctx context.Context, p Part) error {
	return s.sh(ctx, p.ID, "cat /dev/zero > "+dataDirectory+filler+" 2>/dev/null; test -s "+dataDirectory+filler)
}

// empty makes room, and starts the node again, as its operators would have to: a commit log that met a full disk takes no
// writes any more, and the process may have ended.
func (s *Stack) empty(ctx context.Context, p Part) error {
	if err := s.sh(ctx, s.Plan.keeper(), "rm -f "+disks+p.Name+filler); err != nil {
		return err
	}
	r, err := s.engine.ContainerInspect(ctx, p.ID, client.ContainerInspectOptions{})
	if err != nil {
		return err
	}
	if r.Container.State.Running {
		err = s.kill(ctx, p)
	}
	return errors.Join(err, s.run(ctx, p))
}

func (s *Stack) full(ctx context.Context, p Part, _ container.InspectResponse) (bool, error) {
	if s.Plan.Disk == 0 {
		return false, nil
	}
	err := s.sh(ctx, s.Plan.keeper(), "test -e "+disks+p.Name+filler)
	var code exitCode
	if errors.As(err, &code) {
		return false, nil
	}
	return err == nil, err
}
